// The list of jobs, with its filters in the address. Shown rows keep their places; new jobs are counted, and shown on request.
import { h, put, renew } from "../lib/dom.js";
import { between, count, many, span, stateName, time } from "../lib/words.js";
import { Bulk } from "./bulk.js";
import { call } from "./service.js";

const STATES = ["waiting", "processing", "done", "error", "error_resolved", "cancelled"];
const COLUMNS = ["State", "Actor", "Job", "Tenant", "Created", "Took", "Attempts", "Says"];
/** New jobs are counted up to this number. */
const MOST_NEW = 100;

export class Jobs {
	items = [];
	next = null;
	fresh = 0;
	/** What the stream is asked for beside the address: the rows shown, and where the page ends. Null while it is read. @type {Record<string, string> | null} */
	asks = null;

	/** `open` returns a job's address, `go` takes the page's new address, `listen` is called when other rows are shown. */
	constructor({ open, go, listen, fail, say }) {
		this.open = open;
		this.go = go;
		this.listen = listen;
		this.fail = fail;
		this.state = h("select", { id: "f-state", onchange: () => this.filter() }, h("option", { value: "" }, "any"), STATES.map((state) => h("option", { value: state }, stateName(state))));
		this.actor = h("select", { id: "f-actor", onchange: () => this.filter() }, h("option", { value: "" }, "any"));
		this.body = h("tbody");
		this.all = h("input", { type: "checkbox", "aria-label": "Select all failed jobs on this page", onchange: () => this.pickAll() });
		this.pages = h("div", { class: "row" });
		this.news = h("button", { class: "news", onclick: () => this.read(this.query) });
		this.bulk = new Bulk(this, fail, say);
		this.element = [
			h("h1", { class: "sr" }, "Jobs"),
			h("div", { class: "card" },
				h("div", { class: "filters" }, h("div", { class: "field" }, h("label", { for: "f-state" }, "State"), this.state), h("div", { class: "field" }, h("label", { for: "f-actor" }, "Actor"), this.actor), h("div", { class: "end", role: "status" }, this.news)),
				this.bulk.element,
				h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Jobs" }, h("table", { class: "jobs stack" },
					h("thead", {}, h("tr", {}, h("th", { class: "pick" }, this.all), COLUMNS.map((name) => h("th", { scope: "col" }, name)))), this.body)),
				this.pages),
		];
		this.loadActors();
	}

	/** Shows the page that an address names. */
	turn(query) {
		this.query = query;
		this.state.value = query.get("state") ?? "";
		this.chooseActor(query.get("actor") ?? "");
		Object.assign(this, { items: [], next: null, fresh: 0, asks: null });
		this.bulk.clear();
		put(this.pages);
		this.note("Reading …");
		this.render();
		return this.read(query);
	}

	/** Reads the page again; the selection stays. */
	async read(query) {
		const asked = new URLSearchParams([...query].filter(([name]) => name !== "view"));
		try {
			const page = await call("GET", `dashboard/jobs?${asked}`);
			if (query !== this.query) return;
			Object.assign(this, { ...page, fresh: 0, asks: { ids: page.items.map((job) => job.id).join(), until: page.next ?? "" } });
			this.render();
			this.showPages();
		} catch (error) {
			if (query !== this.query) return;
			this.asks ??= {};
			if (!this.items.length) this.note("The list could not be read.");
			this.fail(error);
		}
		this.listen();
	}

	note(text) {
		put(this.body, h("tr", {}, h("td", { colspan: COLUMNS.length + 1, class: "quiet" }, text)));
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

	/** Shows the stream's news of the shown rows; a job that is not among them was removed, or its shard is missing. */
	show({ items, new: fresh, missing }) {
		const now = new Map(items.map((job) => [job.id, job]));
		this.items = this.items.map((job) => now.get(job.id) ?? (missing ? job : { ...job, isRemoved: true }));
		this.fresh = fresh;
		// With no rows shown, none can move.
		if (fresh && !this.items.length) this.read(this.query);
		else this.render();
	}

	render() {
		if (this.items.length) renew(this.body, this.items.map((job) => this.row(job)));
		else if (this.asks) this.note(this.next ? "None among the newest; there may be older ones." : "No job fits.");
		for (const box of this.body.querySelectorAll("input")) box.checked = this.bulk.picked.has(box.value);
		const failed = this.items.filter((job) => job.state === "error");
		this.all.disabled = !failed.length;
		this.all.checked = failed.length > 0 && failed.every((job) => this.bulk.picked.has(job.id));
		this.showNews();
		this.bulk.show();
	}

	tick() {
		if (this.asks) this.render();
	}

	showNews() {
		const wanted = this.query.get("state");
		const others = this.items.filter((job) => job.isRemoved || (wanted && job.state !== wanted)).length;
		const news = [this.fresh && (this.fresh < MOST_NEW ? many(this.fresh, "new job") : `${MOST_NEW} or more new jobs`), others && `${count(others)} no longer fit`].filter(Boolean);
		this.news.hidden = !news.length;
		renew(this.news, news.join(", "));
	}

	row(job) {
		const isPicked = this.bulk.picked.has(job.id);
		const says = job.isRemoved ? "removed, its time was over" : job.failure ?? job.progress?.message ?? (job.due_at && `due ${time(job.due_at)}`) ?? "";
		const took = job.started_at && span(between(job.started_at, job.finished_at));
		const pick = (event) => {
			this.bulk.pick(job.id, event.currentTarget.checked);
			this.render();
		};
		return h("tr", { "data-id": job.id, "data-key": job.id, class: this.query.get("state") && job.state !== this.query.get("state") ? "other" : null },
			h("td", { class: "pick" }, (job.state === "error" || isPicked) && h("input", { type: "checkbox", value: job.id, "aria-label": `Select ${job.actor} ${job.id}`, onchange: pick })),
			h("td", { class: "lead" }, h("span", { class: `state ${job.state}` }, stateName(job.state))),
			h("td", { "data-name": "Actor" }, job.actor), h("td", { class: "lead" }, h("a", { class: "mono", href: this.open(job.id), "aria-label": `${job.actor} ${job.id}` }, `…${job.id.slice(-12)}`)),
			h("td", { "data-name": "Tenant" }, job.tenant ?? "–"), h("td", { "data-name": "Created" }, time(job.created_at)), h("td", { "data-name": "Took" }, took || "–"), h("td", { "data-name": "Attempts" }, `${job.attempts}${job.crashes ? ` (${count(job.crashes)} ${job.crashes === 1 ? "crash" : "crashes"})` : ""}`),
			h("td", { class: "text", "data-name": "Says" }, says));
	}

	pickAll() {
		for (const job of this.items) if (job.state === "error") this.bulk.pick(job.id, this.all.checked);
		this.render();
	}

	showPages() {
		const older = new URLSearchParams(this.query);
		older.set("cursor", this.next ?? "");
		const newest = new URLSearchParams(this.query);
		newest.delete("cursor");
		put(this.pages, this.query.has("cursor") && h("a", { class: "button", href: `dashboard?${newest}` }, "Newest"), this.next && h("a", { class: "button", href: `dashboard?${older}` }, "Older"));
	}
}
