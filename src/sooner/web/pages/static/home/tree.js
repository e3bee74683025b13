// The files of an inventory as a tree grid (WAI-ARIA APG, "Treegrid"): sortable, searchable, by keyboard.
import { h, put } from "../lib/dom.js";
import { count, many } from "../lib/words.js";
import { saveButton } from "./csv.js";
import { below, foldersOf, matching } from "./folders.js";

const COLUMNS = [["name", "File"], ["tests", "Tests"], ["off", "Not run"], ["suites", "Suites"], ["files", "Files"]];
const MOST_ROWS = 1000;

/** The element that shows entries; `name` is that of the file they are saved in. */
export const tree = (entries, name) => new Tree(entries, name).element;

class Tree {
	sort = { by: "name", down: false };
	opened = new Set();
	/** The children of opened nodes in order: sorting 20,000 of them anew with each click would be felt. */
	ordered = new WeakMap();
	text = "";

	constructor(entries, name) {
		this.entries = entries;
		this.root = foldersOf(entries);
		for (const child of this.root.children) if (this.root.children.length === 1) this.opened.add(child.path);
		this.body = h("tbody", { onkeydown: (event) => this.key(event), onclick: (event) => this.click(event) });
		this.heads = h("tr");
		this.said = h("p", { class: "quiet small", role: "status" });
		const search = h("input", { type: "search", placeholder: "Find a file or a test", "aria-label": "Find a file or a test", oninput: (event) => this.search(event.target.value) });
		this.element = h("div", { class: "card" },
			h("div", { class: "tools" }, h("h2", {}, "Files"), search, this.said, h("span", { class: "end" }, saveButton(entries, name))),
			h("div", { class: "scroll", tabindex: -1 }, h("table", { class: "tree", role: "treegrid", "aria-label": "Test files" }, h("thead", {}, this.heads), this.body)));
		this.render();
	}

	render() {
		put(this.heads, COLUMNS.map(([by, title]) => this.head(by, title)));
		const rows = first(this.rows(this.root, 1), MOST_ROWS + 1);
		put(this.body, rows.slice(0, MOST_ROWS).map((row) => this.line(row)), rows.length > MOST_ROWS && h("tr", {}, h("td", { colspan: COLUMNS.length, class: "quiet" }, "There is more: search, or close folders, to see it.")));
		this.body.firstElementChild?.setAttribute("tabindex", "0");
	}

	head(by, title) {
		const here = this.sort.by === by;
		const turn = () => {
			this.sort = { by, down: here ? !this.sort.down : by !== "name" };
			this.ordered = new WeakMap();
			this.render();
			this.heads.children[COLUMNS.findIndex(([name]) => name === by)].firstChild.focus();
		};
		const kind = by === "name" ? "" : by === "tests" || by === "off" ? "number" : "number less";
		return h("th", { scope: "col", class: kind, "aria-sort": here ? (this.sort.down ? "descending" : "ascending") : "none" }, h("button", { class: "sort", onclick: turn }, title));
	}

	/** The rows that are open, made as far as they are asked for. */
	*rows(node, depth) {
		if (!this.ordered.has(node)) this.ordered.set(node, below(node, this.sort));
		for (const child of this.ordered.get(node)) {
			yield { child, depth };
			if (this.opened.has(child.path)) yield* this.rows(child, depth + 1);
		}
	}

	line({ child, depth }) {
		const isCase = child.kind === "case";
		const open = this.opened.has(child.path);
		const row = h("tr", { "aria-level": depth, tabindex: -1, ...(!isCase && { "aria-expanded": String(open) }) });
		row.node = child;
		row.style.setProperty("--depth", depth - 1);
		const number = (by) => h("td", { class: `number ${by === "tests" || by === "off" ? "" : "less"}` }, isCase || !child[by] ? "" : count(child[by]));
		put(row, h("td", {}, isCase ? this.caseLabel(child) : [h("span", { class: "twist", "aria-hidden": "true" }, "›"), this.marked(child.kind === "folder" ? `${child.name}/` : child.name)]),
			isCase ? h("td", { class: "number quiet", colspan: 4 }, `${child.status === "active" ? "" : `${child.status} · `}line ${child.line}`) : COLUMNS.slice(1).map(([by]) => number(by)));
		return row;
	}

	caseLabel(one) {
		return h("span", { class: "case" }, h("span", { class: `dot ${one.status}` }), this.marked(one.name));
	}

	marked(name) {
		const place = this.text ? name.toLowerCase().indexOf(this.text.toLowerCase()) : -1;
		if (place < 0) return name;
		const end = place + this.text.length;
		return [name.slice(0, place), h("mark", {}, name.slice(place, end)), name.slice(end)];
	}

	search(text) {
		this.text = text.trim();
		const found = this.text ? matching(this.entries, this.text) : this.entries;
		this.root = foldersOf(found);
		this.opened = new Set(this.text && found.length <= 200 ? pathsOf(this.root, found.length <= 30) : []);
		put(this.said, this.text && `${many(found.length, "file")} with ${many(found.reduce((sum, one) => sum + one.tests, 0), "test")}`);
		this.render();
	}

	toggle(row, open = !this.opened.has(row.node.path)) {
		if (row.node.kind === "case") return;
		this.opened[open ? "add" : "delete"](row.node.path);
		this.render();
		this.focus([...this.body.children].find((one) => one.node?.path === row.node.path));
	}

	focus(row) {
		if (!row) return;
		for (const one of this.body.querySelectorAll('[tabindex="0"]')) one.setAttribute("tabindex", "-1");
		row.setAttribute("tabindex", "0");
		row.focus();
	}

	click(event) {
		const row = event.target.closest("tr");
		if (row?.node && !getSelection()?.toString()) this.toggle(row);
	}

	key(event) {
		const row = event.target.closest("tr");
		if (!row?.node) return;
		const level = Number(row.getAttribute("aria-level"));
		const open = row.getAttribute("aria-expanded") === "true";
		const parent = () => {
			let up = row.previousElementSibling;
			while (up && Number(up.getAttribute("aria-level")) >= level) up = up.previousElementSibling;
			return up;
		};
		const moves = {
			ArrowDown: () => this.focus(row.nextElementSibling),
			ArrowUp: () => this.focus(row.previousElementSibling),
			ArrowRight: () => (open ? this.focus(row.nextElementSibling) : this.toggle(row, true)),
			ArrowLeft: () => (open ? this.toggle(row, false) : this.focus(parent())),
			Home: () => this.focus(this.body.firstElementChild),
			End: () => this.focus(this.body.lastElementChild),
			Enter: () => this.toggle(row),
			" ": () => this.toggle(row),
		};
		if (!moves[event.key]) return;
		event.preventDefault();
		moves[event.key]();
	}
}

function first(items, most) {
	const taken = [];
	for (const item of items) if (taken.push(item) === most) break;
	return taken;
}

function pathsOf(node, files) {
	if (node.kind === "file") return files ? [node.path] : [];
	return [...(node.path ? [node.path] : []), ...node.children.flatMap((child) => pathsOf(child, files))];
}
