// The job that the page shows, from its submission to its end.
import { at, h, put, renew } from "../lib/dom.js";
import { fault, stateName, time } from "../lib/words.js";
import { showOutput } from "./output.js";
import { showResult } from "./result.js";
import { activity, course, estimate, isPostponed, verdict } from "./words.js";

/** A box that shows an error. */
export function alertOf(error) {
	const { title, detail } = fault(error);
	return h("div", { class: "alert", role: "alert" }, h("strong", {}, title), detail);
}

/** The address that opens this job again, in any tab. */
export const linkTo = (job) => `${location.pathname}#job=${new URL(job.url).pathname}${new URL(job.url).search}`;

/** @type {View | null} */
let shown = null;

/** Shows no job. */
export function clear() {
	shown?.end();
	shown = null;
	at("job").hidden = true;
	at("output").hidden = true;
	at("result").hidden = true;
}

/** The view of a job. A new view replaces the former, whose stream ends. */
export class View {
	/** @type {any} */
	job = null;
	/** @type {number | null} */
	answered = null;
	/** @type {unknown} */
	lost = null;
	#over = new AbortController();

	/** The view shows `doing` until the job is known. */
	constructor(actor, doing) {
		clear();
		shown = this;
		this.actor = actor;
		this.doing = doing;
		this.began = performance.now();
		put(at("result"));
		put(at("job"));
		at("job").hidden = false;
		this.render();
		const ticking = setInterval(() => this.render(), 500);
		this.signal.addEventListener("abort", () => clearInterval(ticking));
	}

	/** Aborted when another job is shown. */
	get signal() {
		return this.#over.signal;
	}

	end() {
		this.#over.abort();
	}

	/** Shows the current activity. */
	say(doing) {
		this.doing = doing;
		this.render();
	}

	/** Follows the job to its end. `answered`: milliseconds, where the first answer was the result. */
	async follow(job, answered) {
		Object.assign(this, { job, answered });
		this.render();
		const read = showOutput(job, this.signal);
		try {
			await job.result();
		} catch (error) {
			if (error.constructor.name !== "JobError") this.lost = error;
		}
		if (this.signal.aborted) return;
		this.render();
		if (job.document.state === "done") showResult(job.document);
		await read;
		this.end();
	}

	/** Shows an error in place of the job. */
	fail(reason) {
		this.end();
		put(at("job"), reason);
	}

	render() {
		if (this.signal.aborted) return;
		const job = this.job?.document;
		renew(at("job"), job ? this.whole(job) : this.asked());
	}

	/** Shows the view before the job is known. */
	asked() {
		return [
			this.actor && h("div", { class: "row" }, h("h2", {}, this.actor)),
			h("p", { class: "verdict" }, `${this.doing} …`),
			h("div", { class: "field" }, h("progress", { "aria-label": this.doing, max: 1 }), h("p", { class: "quiet" }, `${Math.floor((performance.now() - this.began) / 1000)} s`)),
			this.live(this.doing),
		];
	}

	whole(job) {
		return [
			h("div", { class: "row" }, h("h2", {}, job.actor), h("span", { class: `state ${job.state}` }, stateName(job.state)), !this.job.final && this.stop(job)),
			h("p", { class: `verdict${this.answered === null ? "" : " quick"}` }, verdict(job, this.answered)),
			this.lost && alertOf(this.lost),
			job.error && h("div", { class: "alert", role: "alert" }, h("strong", {}, job.error.title), job.error.detail, job.error.note && h("p", { class: "small" }, `Note: ${job.error.note}`)),
			this.job.final ? this.facts(job) : this.going(job),
			this.live(`${job.actor}: ${stateName(job.state)}`),
		];
	}

	live(text) {
		return h("p", { class: "sr", role: "status", "data-key": "live" }, text);
	}

	stop(job) {
		const cancel = async () => {
			try {
				await this.job.cancel();
				this.lost = null;
			} catch (error) {
				this.lost = error;
			}
			this.render();
		};
		return h("button", { class: "danger end", id: "cancel", "data-key": `cancel ${job.id}`, disabled: job.cancel_requested, onclick: cancel }, "Cancel");
	}

	going(job) {
		const fraction = job.state === "processing" ? job.progress?.fraction ?? null : null;
		const what = activity(job);
		return h("div", { class: "field" },
			!isPostponed(job) && [h("progress", { "aria-label": what, max: 1, ...(fraction !== null && { value: fraction }) }),
				h("div", { class: "row" }, h("span", {}, what), fraction !== null && h("span", { class: "quiet end" }, `${Math.round(fraction * 100)} %`))],
			h("p", { class: "quiet", id: "told" }, estimate(job)),
			h("p", {}, "You may close this page. This link brings you back to the job:"), this.way(job));
	}

	facts(job) {
		return h("p", { class: "quiet small" }, course(job).filter(Boolean).join(" "), ` Kept until ${time(job.expires_at)}. `, h("a", { href: linkTo(this.job) }, "Link to this job"));
	}

	way(job) {
		const address = new URL(linkTo(this.job), location.href).href;
		const link = h("a", { href: address }, address);
		const copy = async (event) => {
			const button = event.currentTarget;
			try {
				await navigator.clipboard.writeText(address);
				put(button, "Copied");
			} catch {
				// A page without TLS has no clipboard.
				getSelection()?.selectAllChildren(link);
				put(button, "Selected");
			}
		};
		return h("div", { class: "link", "data-key": `way ${job.id}` }, link, h("button", { "data-key": "copy", onclick: copy }, "Copy"));
	}
}
