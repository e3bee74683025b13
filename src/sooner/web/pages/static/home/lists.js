// What an inventory names besides its tests: each list folded away behind its length.
import { h } from "../lib/dom.js";
import { count, many } from "../lib/words.js";

const MOST_ROWS = 1000;

/** A list of `[heading, value]` columns, whose length counts those, too, that the result leaves out. */
function folded(title, columns, items, leftOut = 0) {
	const total = items.length + leftOut;
	if (!total) return null;
	const shown = items.slice(0, MOST_ROWS);
	const cell = ([, value, kind], item) => h("td", { class: kind }, value(item));
	return h("details", {},
		h("summary", {}, title(total)),
		shown.length > 0 && h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": title(total) }, h("table", { class: "listed" }, h("thead", {}, h("tr", {}, columns.map(([heading]) => h("th", { scope: "col" }, heading)))),
			h("tbody", {}, shown.map((item) => h("tr", {}, columns.map((column) => cell(column, item))))))),
		shown.length < total && h("p", { class: "small quiet" }, shown.length ? `The first ${count(shown.length)} of them.` : "The result is too long to list them."));
}

const FILE = ["File", (one) => one.path, "mono"];
const PLACE = ["File", (one) => `${one.path}:${one.line}`, "mono"];
const NAME = ["Name", (one) => one.name, "mono"];
const TEST = ["Test", (one) => one.name, "mono"];
const REASON = ["Reason", (one) => one.reason, null];

/** The files that could not be read, and the classes, macros and others of which only running would tell. */
export function doubts({ unreadable, undecided = [], unlisted }) {
	const lists = [
		folded((total) => `${many(total, "file")} could not be read`, [FILE, REASON], unreadable, unlisted?.unreadable),
		folded((total) => `${count(total)} undecided: only running would tell`, [PLACE, NAME, REASON], undecided, unlisted?.undecided),
	].filter(Boolean);
	return lists.length > 0 && h("div", { class: "card" }, h("h2", {}, "In doubt"), lists);
}

/** What differs from another commit. */
export function comparison({ ref, commit, added, removed, newly_skipped, unlisted }) {
	const list = (words, tests, leftOut) => folded((total) => `${many(total, "test")} ${words}`, [FILE, TEST], tests, leftOut);
	const lists = [
		list("added", added, unlisted?.added),
		list("removed", removed, unlisted?.removed),
		list("newly skipped", newly_skipped, unlisted?.newly_skipped),
	].filter(Boolean);
	const id = commit?.slice(0, 8);
	return h("div", { class: "card" },
		h("h2", { class: "since" }, "Since ", h("span", { class: "mono" }, ref === commit ? id : ref), id && ref !== commit && h("span", { class: "quiet mono" }, ` ${id}`)),
		lists.length ? lists : h("p", {}, "No test was added, removed or newly skipped."));
}

/** How much was counted that the result does not list. */
export function unlistedOf({ unlisted }) {
	if (!unlisted?.files && !unlisted?.tests) return null;
	return h("p", { class: "small quiet" }, `The result is too long to list all that was counted: it leaves out ${many(unlisted.files, "file")} and ${many(unlisted.tests, "test")}.`);
}
