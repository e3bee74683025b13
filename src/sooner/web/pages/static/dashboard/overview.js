// Jobs by state, queues over time, workers and the scheduler.
import { h, put, renew } from "../lib/dom.js";
import { between, count, listed, many, rough, span, stateName, time } from "../lib/words.js";
import { chart } from "./chart.js";
import { call } from "./service.js";

/** States that are counted up to a bound; the others are estimated where they are too many. */
const RARE = ["error", "error_resolved", "cancelled"];
/** A queue's numbers below this are exact. */
const MOST = 10_000;
const STATES = ["waiting", "processing", "done", "error", "error_resolved", "cancelled"];

export class Overview {
	history = { seconds: 3600, step: 30, queues: {} };
	of = "1h";
	board = null;
	/** @type {string | null} */
	missing = null;
	parts = new Map();

	constructor(open, fail) {
		this.open = open;
		this.fail = fail;
		this.states = h("ul", { class: "states" });
		this.queues = h("div");
		this.workers = h("div");
		this.scheduler = h("div");
		this.element = [
			h("h1", { class: "sr" }, "Overview"),
			h("section", { "aria-label": "Jobs by state" }, this.states),
			h("section", { class: "card", "aria-labelledby": "queues" }, h("div", { class: "row" }, h("h2", { id: "queues" }, "Queues"), this.range()), this.queues),
			h("section", { class: "card", "aria-labelledby": "workers" }, h("h2", { id: "workers" }, "Workers"), this.workers),
			h("section", { class: "card", "aria-labelledby": "scheduler" }, h("h2", { id: "scheduler" }, "Scheduler"), this.scheduler),
		];
	}

	range() {
		const select = h("select", { "aria-label": "Charts show", onchange: () => this.load(select.value) }, h("option", { value: "1h" }, "last hour"), h("option", { value: "6h" }, "last 6 hours"));
		return h("div", { class: "end" }, select);
	}

	async load(of = this.of) {
		this.of = of;
		try {
			this.history = await call("GET", `dashboard/history?of=${of}`);
			if (this.board) this.show(this.board);
		} catch (error) {
			this.fail(error);
		}
	}

	show(board) {
		this.board = board;
		this.follow((board.missing ?? []).join());
		const { counts, about } = board.states;
		renew(this.states, STATES.map((state) => h("li", {}, h("a", { href: `dashboard?view=jobs&state=${state}`, class: state === "error" && counts.error ? "ill" : null },
			h("b", {}, !about.includes(state) ? count(counts[state]) : RARE.includes(state) ? `> ${count(counts[state])}` : rough(counts[state])), h("span", { class: "name" }, stateName(state))))));
		this.showQueues(board);
		this.showWorkers(board.workers, "schedulers" in board);
		renew(this.scheduler, (board.schedulers ?? [board.scheduler]).map((one) => this.leader(one)));
	}

	/** The charts' past is that of the shards which answer. */
	follow(missing) {
		const changed = this.missing !== null && missing !== this.missing;
		this.missing = missing;
		if (changed) this.load();
	}

	tick() {
		if (this.board) this.show(this.board);
	}

	/** The elements of a queue are kept for as long as the queue exists. */
	showQueues(board) {
		const names = board.queues.map((queue) => queue.name).join("\n");
		if (names !== this.names) {
			this.names = names;
			this.parts = new Map(board.queues.map((queue) => [queue.name, this.frame(queue.name)]));
			put(this.queues, [...this.parts.values()].map((part) => part.element));
		}
		const now = Date.now() / 1000;
		for (const queue of board.queues) this.fill(this.parts.get(queue.name), queue, now, board.schedulers?.length);
	}

	frame(name) {
		const part = { mark: h("span"), button: h("button", { class: "small" }), rest: h("button", { class: "small", "aria-label": `Pause queue ${name} everywhere` }, "Pause everywhere"), numbers: h("dl", { class: "numbers" }), charts: h("div", { class: "charts" }) };
		part.button.addEventListener("click", () => this.turn(part, name, part.paused ? "resume" : "pause"));
		part.rest.addEventListener("click", () => this.turn(part, name, "pause"));
		part.element = h("div", { class: "queue" }, h("div", { class: "row" }, h("h3", { class: "mono" }, name), part.mark, h("span", { class: "end row" }, part.rest, part.button)), part.numbers, part.charts);
		return part;
	}

	/** `shards`: the number of those that answer, where there are several. */
	fill(part, queue, now, shards) {
		part.paused = queue.paused;
		part.rest.hidden = !queue.paused || !shards || queue.paused_on.length === shards;
		renew(part.mark, queue.paused && h("span", { class: "paused" }, part.rest.hidden ? "paused" : `paused on ${listed(queue.paused_on)}`), !queue.workers && h("span", { class: "paused" }, "no worker"),
			queue.stranded > 0 && h("span", { class: "paused", title: "Due jobs that no living worker would claim: the doctor says why." }, `${count(queue.stranded)} stranded`));
		renew(part.button, queue.paused ? "Resume" : "Pause");
		part.button.setAttribute("aria-label", `${queue.paused ? "Resume" : "Pause"} queue ${queue.name}`);
		const number = (value, name) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
		const about = (value) => (queue.judged && value >= MOST ? rough(value) : count(value));
		renew(part.numbers, number(about(queue.waiting), queue.waiting === queue.due ? "waiting" : `waiting, ${about(queue.waiting - queue.due)} of them for later`), number(about(queue.processing), "processing"),
			number(about(queue.finished_per_minute), "ended in the last minute"), number(span(queue.oldest_waiting_seconds), "oldest waits"), number(count(queue.workers), queue.workers === 1 ? "worker" : "workers"));
		const past = this.history.queues[queue.name] ?? [];
		const live = [now, queue.waiting, queue.processing, queue.finished_per_minute, queue.oldest_waiting_seconds];
		const points = (column) => [...past, live].map((sample) => [sample[0], sample[column] ?? 0]);
		const frame = { seconds: this.history.seconds, step: this.history.step, now };
		const plain = (value) => count(Math.round(value));
		renew(part.charts, chart("Waiting", points(1), { ...frame, say: plain }), chart("Ended a minute", points(3), { ...frame, say: plain }), chart("Oldest waits", points(4), { ...frame, say: (value) => (value ? span(value) : "–") }));
		this.remember(queue.name, live);
	}

	/** Events continue the charts where the samples end. */
	remember(name, live) {
		const past = (this.history.queues[name] ??= []);
		if (!past.length || live[0] - past.at(-1)[0] >= this.history.step) past.push(live);
	}

	async turn(part, name, action) {
		part.button.disabled = part.rest.disabled = true;
		try {
			await call("POST", `queues/${encodeURIComponent(name)}/${action}`);
		} catch (error) {
			this.fail(error);
		} finally {
			part.button.disabled = part.rest.disabled = false;
		}
	}

	/** With several shards a column says whose worker it is. */
	showWorkers(workers, several) {
		if (!workers.length) return renew(this.workers, h("p", { class: "quiet" }, "No worker runs: jobs wait until one starts."));
		renew(this.workers, h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Workers" }, h("table", { class: "stack no-pick" },
			h("thead", {}, h("tr", {}, ["Worker", several && "Shard", "Queues", "Since", "Does now"].filter(Boolean).map((name) => h("th", { scope: "col" }, name)))),
			h("tbody", {}, workers.map((worker) => this.worker(worker))))));
	}

	worker(worker) {
		const rest = worker.processing - worker.jobs.length;
		const doing = worker.jobs.length ? h("ul", { class: "now" }, worker.jobs.map((job) => this.running(job)), rest > 0 && h("li", { class: "quiet" }, `and ${many(rest, "more job")}`)) : h("span", { class: "quiet" }, "idle");
		return h("tr", { "data-key": worker.id }, h("td", { class: "lead" }, h("span", { class: "mono" }, worker.name), !worker.alive && h("span", { class: "paused" }, "silent")), worker.shard && h("td", { "data-name": "Shard" }, worker.shard),
			h("td", { "data-name": "Queues" }, worker.queues.join(", ")), h("td", { "data-name": "Since" }, time(worker.started_at)), h("td", { "data-name": "Does now" }, doing));
	}

	running(job) {
		const fraction = job.progress?.fraction;
		return h("li", { "data-key": job.id }, h("a", { href: this.open(job.id) }, job.actor), h("span", { class: "quiet" }, span(between(job.started_at))),
			fraction !== null && fraction !== undefined && h("progress", { value: fraction, max: 1, "aria-label": `${job.actor}: ${Math.round(100 * fraction)} %` }));
	}

	leader({ name, since, alive, shard }) {
		const place = shard ? ` on shard ${shard}` : "";
		return h("p", {}, alive ? [h("span", { class: "mono" }, name), ` leads${place} since ${time(since)}.`] : `No scheduler leads${place}: nothing is started by schedule${shard ? " there" : ""}.`);
	}
}
