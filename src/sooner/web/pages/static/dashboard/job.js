// One job whole.
import { at, h, put, renew } from "../lib/dom.js";
import { resultOf, value } from "../lib/result.js";
import { fault, stateName } from "../lib/words.js";
import { call } from "./service.js";
import { facts, isLive, timeline } from "./facts.js";
import { Log } from "./log.js";

export class Whole {
	/** @type {string | null} */
	id = null;
	/** @type {any} */
	job = null;
	/** The outcome of the last action. */
	said = "";
	busy = false;

	constructor(close) {
		this.dialog = /** @type {HTMLDialogElement} */ (at("job"));
		this.whole = h("div", { class: "whole" });
		this.log = new Log();
		put(this.dialog, this.whole, this.log.element);
		this.dialog.addEventListener("close", close);
		this.dialog.addEventListener("close", () => this.log.close());
		this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
	}

	/** Opens the view of a job, whose facts come later; null closes it. */
	open(id) {
		if (id === null) return this.dialog.open && this.dialog.close();
		if (id === this.id && this.dialog.open) return;
		Object.assign(this, { id, job: null, said: "", busy: false });
		put(this.whole, this.title("Job"), h("p", { class: "quiet" }, "Reading …"));
		this.log.open(id);
		if (!this.dialog.open) this.dialog.showModal();
		this.dialog.focus();
	}

	show(job) {
		if (!this.dialog.open) return;
		this.job = job;
		this.render();
		if (job) this.log.heard(job);
	}

	render() {
		const job = this.job;
		this.log.element.hidden = !job;
		if (!job) return renew(this.whole, this.title("Job"), h("p", {}, "There is no such job, or its time was over."));
		renew(this.whole,
			this.title(job.actor, h("span", { class: `state ${job.state}` }, stateName(job.state))),
			this.actions(job),
			job.error && h("div", { class: "alert", "data-key": "error" }, h("strong", {}, job.error.title), job.error.detail, job.error.note && h("p", { class: "small" }, `Note: ${job.error.note}`)),
			job.progress && job.state === "processing" && progress(job.progress),
			timeline(job), facts(job), raised(job.attempts_log),
			h("section", { "data-key": "params" }, h("h3", {}, "Parameters"), value("Parameters", job.params)),
			job.state === "done" && h("section", { "data-key": "result" }, h("h3", {}, "Result"), resultOf(job)));
	}

	title(text, ...more) {
		return h("div", { class: "row", "data-key": "title" }, h("h2", { id: "job-title" }, text), more, h("button", { class: "plain end", "data-key": "close", onclick: () => this.dialog.close() }, "Close"));
	}

	actions(job) {
		const goesOn = isLive(job);
		const wentOn = !goesOn && job.state !== "cancelled" && job.cancel_requested;
		if (!goesOn && job.state !== "error" && !wentOn) return null;
		return h("div", { class: "field", "data-key": "actions" },
			goesOn && !job.cancel_requested && h("div", { class: "row" }, this.button("Cancel", "cancel", () => undefined)),
			goesOn && job.cancel_requested && h("p", { class: "quiet" }, "It was asked to stop."),
			wentOn && h("p", { class: "quiet" }, "It was asked to stop, and went on to its end."),
			job.state === "error" && this.repairs(),
			h("p", { class: "fault", role: "alert", "data-key": "said" }, this.said));
	}

	repairs() {
		const input = h("input", { id: "note", placeholder: "what was done about it", maxlength: 2000 });
		const body = () => {
			const note = /** @type {HTMLInputElement} */ (at("note")).value.trim();
			return note ? { note } : {};
		};
		return [h("label", { for: "note" }, "Note ", h("span", { class: "quiet" }, "(optional)")), input, h("div", { class: "row" }, this.button("Retry", "retry", () => undefined), this.button("Resolve", "resolve", body))];
	}

	button(title, path, body) {
		const id = this.id;
		const act = async () => {
			Object.assign(this, { busy: true, said: "" });
			this.render();
			try {
				await call("POST", `jobs/${id}/${path}`, body());
			} catch (error) {
				if (id === this.id) this.said = fault(error).detail;
			}
			if (id !== this.id) return;
			this.busy = false;
			this.render();
		};
		return h("button", { "data-key": `${path} ${id}`, class: path === "cancel" ? "danger" : null, disabled: this.busy, onclick: act }, title);
	}
}

const progress = ({ fraction, message }) => h("div", { class: "field", "data-key": "progress" }, h("progress", { max: 1, "aria-label": message || "Progress", ...(fraction !== null && { value: fraction }) }), h("span", { class: "small" }, message));

/** What the attempts raised, the last one first; earlier ones are opened when wanted. */
const raised = (attempts) => {
	const failed = attempts.filter((each) => each.traceback ?? each.exception).reverse();
	return failed.length > 0 && h("section", { "data-key": "raised" }, h("h3", {}, "What it raised"), failed.map((each, index) => h("details", { "data-key": `attempt ${each.attempt}`, open: index === 0 }, h("summary", {}, `Attempt ${each.attempt}: `, h("span", { class: "quiet" }, last(each.exception))), h("pre", { tabindex: 0, role: "group", "aria-label": `Traceback of attempt ${each.attempt}` }, each.traceback ?? each.exception))));
};

const last = (text) => (text ?? "").trim().split("\n").at(-1);
