// One job as it goes: answered at once, or followed.
import { at, h, put } from "../lib/dom.js";
import { between, fault, span, stateName, time } from "../lib/words.js";
import { showResult } from "./result.js";

/** A box that says what went wrong. */
export function alertOf(error) {
	const { title, detail } = fault(error);
	return h("div", { class: "alert", role: "alert" }, h("strong", {}, title), detail);
}

/** When the job will have ended, as far as its actor's history tells. */
function estimate(job) {
	const { state, estimate, started_at: started } = job;
	if (state === "waiting" && !estimate) return "It waits for a worker.";
	if (!estimate) return `Running for ${span(between(started))}. How long it takes is not known yet: too few runs.`;
	const left = -between(estimate.finishes_at);
	return left > 0.5 ? `About ${span(left)} to go, judging by earlier runs.` : "It takes longer than earlier runs did.";
}

/** The address that opens this job again, in any tab. */
export const linkTo = (job) => `${location.pathname}#job=${new URL(job.url).pathname}${new URL(job.url).search}`;

const verdictOf = {
	done: (job, answered) => (answered ? [h("b", {}, "Answered at once"), ` in ${span(answered / 1000)}`] : ["Done after ", span(between(job.created_at, job.finished_at))]),
	error: () => ["The job failed"],
	error_resolved: () => ["The job failed; a person has dealt with it"],
	cancelled: () => ["Cancelled"],
	waiting: () => ["Deferred: the job waits its turn"],
	processing: () => ["Deferred: the job is running"],
};

/** Shows a job and follows it to its end. `answered`: milliseconds, where the first answer was the result. */
export async function showJob(job, answered) {
	const view = new View(job, answered);
	view.render();
	const ticking = setInterval(() => view.tick(), 500);
	try {
		await job.result();
	} catch (error) {
		if (error.constructor.name !== "JobError") view.lost = error;
	} finally {
		clearInterval(ticking);
	}
	if (view.isShown) view.render();
}

/** @type {View | null} */
let shown = null;

/** Called at each change of a followed job. */
export const refresh = (job) => shown?.job === job && shown?.render();

class View {
	/** @type {Error | null} */
	lost = null;

	constructor(job, answered) {
		this.job = job;
		this.answered = answered;
		this.told = h("p", { class: "quiet", id: "told" });
		this.live = h("p", { class: "sr", role: "status" });
		this.box = h("div", { class: "link" });
		shown = this;
		put(at("result"));
		at("result").hidden = true;
	}

	get isShown() {
		return shown === this;
	}

	render() {
		const job = this.job.document;
		const panel = at("job");
		panel.hidden = false;
		put(this.live, `${job.actor}: ${stateName(job.state)}`);
		put(panel, this.head(job), h("p", { class: "verdict" }, verdictOf[job.state](job, this.answered)), this.body(job), this.live);
		this.tick();
		if (this.job.final) showResult(job);
	}

	head(job) {
		return h("div", { class: "row" },
			h("h2", {}, job.actor), h("span", { class: `state ${job.state}` }, stateName(job.state)),
			!this.job.final && h("button", { class: "danger end", id: "cancel", onclick: (event) => this.cancel(event) }, "Cancel"));
	}

	body(job) {
		if (this.lost) return alertOf(this.lost);
		if (job.error) return h("div", { class: "alert", role: "alert" }, h("strong", {}, job.error.title), job.error.detail);
		if (this.job.final) return this.facts(job);
		const { fraction = null, message = "" } = job.progress ?? {};
		const label = message || (job.state === "waiting" ? "Waiting for a worker" : "Running");
		return h("div", { class: "field" },
			h("progress", { "aria-label": label, max: 1, ...(fraction !== null && { value: fraction }) }),
			h("div", { class: "row" }, h("span", {}, label), fraction !== null && h("span", { class: "quiet end" }, `${Math.round(fraction * 100)} %`)),
			this.told, this.way());
	}

	facts(job) {
		const waited = job.started_at && between(job.created_at, job.started_at);
		const ran = job.started_at && job.finished_at && between(job.started_at, job.finished_at);
		return h("p", { class: "quiet small" }, job.started_at && `Waited ${span(waited)}, ran ${span(ran)}. `, `Kept until ${time(job.expires_at)}. `, h("a", { href: linkTo(this.job) }, "Link to this job"));
	}

	way() {
		const copy = async (event) => {
			const button = event.currentTarget;
			await navigator.clipboard.writeText(new URL(linkTo(this.job), location.href).href);
			put(button, "Copied");
		};
		put(this.box, h("a", { href: linkTo(this.job) }, new URL(linkTo(this.job), location.href).href), h("button", { onclick: copy }, "Copy"));
		return [h("p", {}, "You may close this page. This link brings you back to the job:"), this.box];
	}

	tick() {
		if (!this.job.final) put(this.told, estimate(this.job.document));
	}

	async cancel(event) {
		event.currentTarget.disabled = true;
		try {
			await this.job.cancel();
			put(this.told, "It was asked to stop.");
		} catch (error) {
			this.told.after(alertOf(error));
		}
	}
}
