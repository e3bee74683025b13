// The list of jobs, with its filters in the address, and what can be done to many.
import { h, put } from "../lib/dom.js";
import { between, count, many, span, stateName, time } from "../lib/words.js";
import { call } from "./service.js";

const STATES = ["waiting", "processing", "done", "error", "error_resolved", "cancelled"];

export class Jobs {
	picked = new Set();
	items = [];
	next = null;

	constructor(open, go, fail) {
		this.open = open;
		this.go = go;
		this.fail = fail;
		this.state = h("select", { id: "f-state", onchange: () => this.filter() }, h("option", { value: "" }, "any"), STATES.map((state) => h("option", { value: state }, stateName(state))));
		this.actor = h("select", { id: "f-actor", onchange: () => this.filter() }, h("option", { value: "" }, "any"));
		this.body = h("tbody");
		this.bulk = h("div", { class: "bulk" });
		this.all = h("input", { type: "checkbox", "aria-label": "Select all failed jobs on this page", onchange: () => this.pickAll() });
		this.pages = h("div", { class: "row" });
		this.element = [
			h("h1", { class: "sr" }, "Jobs"),
			h("div", { class: "card" },
				h("div", { class: "filters" }, h("div", { class: "field" }, h("label", { for: "f-state" }, "State"), this.state), h("div", { class: "field" }, h("label", { for: "f-actor" }, "Actor"), this.actor)),
				this.bulk,
				h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Jobs" }, h("table", { class: "jobs stack" },
					h("thead", {}, h("tr", {}, h("th", { class: "pick" }, this.all), ["State", "Actor", "Job", "Tenant", "Created", "Took", "Attempts", "Says"].map((name) => h("th", { scope: "col" }, name)))), this.body)),
				this.pages),
		];
		this.loadActors();
	}

	/** Takes the filters from the address. */
	read(query) {
		this.query = query;
		this.state.value = query.get("state") ?? "";
		this.chooseActor(query.get("actor") ?? "");
		this.picked.clear();
		this.items = [];
		put(this.body, h("tr", {}, h("td", { colspan: 9, class: "quiet" }, "Reading …")));
		put(this.pages);
		this.showBulk();
	}

	chooseActor(name) {
		if (name && ![...this.actor.options].some((option) => option.value === name)) this.actor.append(h("option", { value: name }, name));
		this.actor.value = name;
	}

	async loadActors() {
		try {
			const { items } = await call("GET", "actors");
			const known = new Set([...this.actor.options].map((option) => option.value));
			for (const { name } of items) if (!known.has(name)) this.actor.append(h("option", { value: name }, name));
		} catch (error) {
			this.fail(error);
		}
	}

	filter() {
		const query = new URLSearchParams({ view: "jobs" });
		if (this.state.value) query.set("state", this.state.value);
		if (this.actor.value) query.set("actor", this.actor.value);
		this.go(query);
	}

	show({ items, next }) {
		this.items = items;
		this.next = next;
		const failed = new Set(items.filter((job) => job.state === "error").map((job) => job.id));
		for (const id of this.picked) if (!failed.has(id)) this.picked.delete(id);
		const focused = document.activeElement?.closest?.("tr")?.dataset.id;
		const inside = focused && document.activeElement?.tagName;
		put(this.body, items.length ? items.map((job) => this.row(job)) : h("tr", {}, h("td", { colspan: 9, class: "quiet" }, next ? "None among the newest; there may be older ones." : "No job fits.")));
		if (focused) this.body.querySelector(`[data-id="${focused}"] ${inside}`)?.focus();
		this.showPages();
		this.showBulk();
	}

	row(job) {
		const failed = job.state === "error";
		const pick = () => {
			this.picked[this.picked.has(job.id) ? "delete" : "add"](job.id);
			this.showBulk();
		};
		const says = job.failure ?? job.progress?.message ?? (job.due_at && `due ${time(job.due_at)}`) ?? "";
		const took = job.started_at && span(between(job.started_at, job.finished_at));
		return h("tr", { "data-id": job.id },
			h("td", { class: "pick" }, failed && h("input", { type: "checkbox", checked: this.picked.has(job.id), "aria-label": `Select ${job.actor} ${job.id}`, onchange: pick })),
			h("td", { class: "lead" }, h("span", { class: `state ${job.state}` }, stateName(job.state))),
			h("td", { "data-name": "Actor" }, job.actor), h("td", { class: "lead" }, h("a", { class: "mono", href: this.open(job.id), "aria-label": `${job.actor} ${job.id}` }, `…${job.id.slice(-12)}`)),
			h("td", { "data-name": "Tenant" }, job.tenant ?? "–"), h("td", { "data-name": "Created" }, time(job.created_at)), h("td", { "data-name": "Took" }, took || "–"), h("td", { "data-name": "Attempts" }, `${job.attempts}${job.crashes ? ` (${many(job.crashes, "crash").replace("crashs", "crashes")})` : ""}`),
			h("td", { class: "text", "data-name": "Says" }, says));
	}

	pickAll() {
		this.picked = new Set(this.all.checked ? this.items.filter((job) => job.state === "error").map((job) => job.id) : []);
		this.show({ items: this.items, next: this.next });
	}

	showPages() {
		const older = new URLSearchParams(this.query);
		older.set("cursor", this.next ?? "");
		const newest = new URLSearchParams(this.query);
		newest.delete("cursor");
		put(this.pages, this.query.has("cursor") && h("a", { class: "button", href: `dashboard?${newest}` }, "Newest"), this.next && h("a", { class: "button", href: `dashboard?${older}` }, "Older"));
	}

	showBulk() {
		const failed = this.items.filter((job) => job.state === "error");
		this.all.disabled = !failed.length;
		this.all.checked = failed.length > 0 && this.picked.size === failed.length;
		const key = `${this.picked.size} ${this.state.value} ${this.actor.value} ${failed.length > 0}`;
		if (key === this.bulkKey) return;
		this.bulkKey = key;
		if (this.picked.size) {
			const ids = () => ({ ids: [...this.picked] });
			put(this.bulk, h("span", {}, `${count(this.picked.size)} selected`), this.button("Retry", "retry", ids), this.button("Resolve", "resolve", ids));
		} else if (this.state.value === "error" && failed.length) {
			const all = () => ({ actor: this.actor.value || null });
			put(this.bulk, this.button("Retry all that failed", "retry", all, true), this.button("Resolve all that failed", "resolve", all, true));
		} else put(this.bulk, h("span", { class: "quiet" }, failed.length ? "Select failed jobs to retry or resolve them." : ""));
	}

	button(title, action, body, every = false) {
		const act = async (event) => {
			if (every && !confirm(`${title}, on all pages?`)) return;
			for (const button of this.bulk.querySelectorAll("button")) button.disabled = true;
			const said = event.currentTarget;
			let changed = 0;
			try {
				for (let more = true; more; ) {
					const answer = await call("POST", `dashboard/${action}`, body());
					changed += answer.changed;
					more = answer.more && answer.changed > 0;
					put(said, `${title}: ${count(changed)}`);
				}
				this.picked.clear();
				this.bulkKey = "";
				put(this.bulk, h("span", { role: "status" }, `${many(changed, "job")} ${action === "retry" ? "put back to waiting" : "resolved"}.`));
			} catch (error) {
				this.fail(error);
			}
		};
		return h("button", { onclick: act }, title);
	}
}
