// One job whole.
import { at, h, put } from "../lib/dom.js";
import { between, fault, span, stateName, time } from "../lib/words.js";
import { call } from "./service.js";

const MOST_SHOWN = 20_000;
const PAST = { error: "failed", "given-back": "given back", lost: "lost with its worker" };

export class Whole {
	constructor(close) {
		this.dialog = /** @type {HTMLDialogElement} */ (at("job"));
		this.dialog.addEventListener("close", close);
		this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
	}

	/** Opens on a job, whose facts come later; null closes. */
	open(id) {
		if (id === null) return this.dialog.open && this.dialog.close();
		this.shown = "";
		put(this.dialog, h("div", { class: "whole" }, h("h2", { id: "job-title" }, "Job"), h("p", { class: "quiet" }, "Reading …")));
		if (!this.dialog.open) this.dialog.showModal();
		this.dialog.focus();
	}

	show(job) {
		if (!this.dialog.open) return;
		if (!job) return put(this.dialog, h("div", { class: "whole" }, this.close(), h("h2", { id: "job-title" }, "Job"), h("p", {}, "There is no such job, or its time was over.")));
		const key = JSON.stringify(job);
		if (key === this.shown) return;
		this.shown = key;
		const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.act;
		const note = /** @type {HTMLTextAreaElement | null} */ (this.dialog.querySelector("#note"))?.value ?? "";
		put(this.dialog, h("div", { class: "whole" },
			h("div", { class: "row" }, h("h2", { id: "job-title" }, job.actor), h("span", { class: `state ${job.state}` }, stateName(job.state)), this.close()),
			this.actions(job, note),
			job.error && h("div", { class: "alert" }, h("strong", {}, job.error.title), job.error.detail, job.error.note && h("p", { class: "small" }, `Note: ${job.error.note}`)),
			job.progress && job.state === "processing" && this.progress(job.progress),
			timeline(job), facts(job), raised(job.attempts_log.at(-1)),
			json("Parameters", job.params), job.result !== null && json("Result", job.result)));
		if (focused) /** @type {HTMLElement | null} */ (this.dialog.querySelector(`[data-act="${focused}"]`))?.focus();
	}

	close() {
		return h("button", { class: "plain end", "data-act": "close", onclick: () => this.dialog.close() }, "Close");
	}

	progress({ fraction, message }) {
		return h("div", { class: "field" }, h("progress", { max: 1, "aria-label": message || "Progress", ...(fraction !== null && { value: fraction }) }), h("span", { class: "small" }, message));
	}

	actions(job, note) {
		const said = h("p", { class: "fault", role: "alert" });
		const act = (title, path, body) => h("button", { "data-act": title, class: title === "Cancel" ? "danger" : null, onclick: async (event) => {
			event.currentTarget.disabled = true;
			try {
				await call("POST", `jobs/${job.id}/${path}`, body?.());
			} catch (error) {
				put(said, fault(error).detail);
				event.target.disabled = false;
			}
		} }, title);
		if (job.state === "waiting" || job.state === "processing") return h("div", {}, job.cancel_requested ? h("p", { class: "quiet" }, "It was asked to stop.") : act("Cancel", "cancel"), said);
		if (job.state === "done" && job.cancel_requested) return h("p", { class: "quiet" }, "It was asked to stop, and went on to its end.");
		if (job.state !== "error") return null;
		const input = h("input", { id: "note", "data-act": "note", value: note, placeholder: "what was done about it", maxlength: 2000 });
		const body = () => (input.value.trim() ? { note: input.value.trim() } : {});
		return h("div", { class: "field" }, h("label", { for: "note" }, "Note ", h("span", { class: "quiet" }, "(optional)")), input, h("div", { class: "row" }, act("Retry", "retry"), act("Resolve", "resolve", body)), said);
	}
}

/** What has become of the job, step by step. */
function steps(job) {
	const list = [["", "Submitted", job.created_at, job.request_id && `request ${job.request_id}`]];
	if (job.run_at) list.push(["", "Postponed until", job.run_at, null]);
	for (const past of job.attempts_log.filter((each) => each.outcome && each.ended_at !== job.finished_at)) list.push([past.outcome === "given-back" ? "" : "bad", `Attempt ${past.attempt} ${PAST[past.outcome]}`, past.ended_at, [past.began_at && `ran ${span(between(past.began_at, past.ended_at))}`, past.exception, `worker ${past.worker}`].filter(Boolean).join(" · ")]);
	if (job.state === "waiting") list.push(["going", job.due_at ? "Next attempt due" : "Waits for a worker", job.due_at, null]);
	if (job.started_at && job.state !== "waiting") list.push([job.state === "processing" ? "going" : "", `Attempt ${job.attempts} began`, job.started_at, job.worker && `worker ${job.worker_name ?? job.worker}`]);
	if (job.finished_at) list.push([job.state === "done" ? "good" : "bad", { done: "Done", error: "Failed", error_resolved: "Failed, resolved since", cancelled: "Cancelled" }[job.state], job.finished_at, job.started_at && `ran ${span(between(job.started_at, job.finished_at))}`]);
	return list;
}

const timeline = (job) => h("section", {}, h("h3", {}, "Timeline"), h("ol", { class: "timeline" }, steps(job).map(([kind, what, when, detail]) => h("li", { class: kind || null }, h("span", { class: "what" }, what), " ", when && h("time", { class: "quiet", datetime: when, title: when }, time(when)), detail && h("div", { class: "small quiet" }, detail)))));

function facts(job) {
	const rows = [["Job", job.id], ["Tenant", job.tenant ?? "none"], ["Queue", `${job.queue}, priority ${job.priority}`], ["Attempts", `${job.attempts}${job.crashes ? `, ${job.crashes} of them ended with their worker` : ""}`], ["Request", job.request_id], ["Trace", job.traceparent], ["Idempotency key", job.idempotency_key], ["Cancelled if not final at", job.cancel_at && time(job.cancel_at)], ["Kept until", time(job.expires_at)]];
	return h("section", {}, h("h3", { class: "sr" }, "Facts"), h("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", { class: /Job|Request|Trace|key/.test(name) ? "mono" : null }, value)])));
}

/** What the last attempt raised, for whoever mends it. */
const raised = (attempt) => attempt?.traceback && h("section", {}, h("h3", {}, `Traceback of attempt ${attempt.attempt}`), h("pre", { tabindex: 0, "aria-label": "Traceback" }, attempt.traceback));

function json(title, value) {
	const text = JSON.stringify(value, null, 2) ?? "";
	const cut = text.length > MOST_SHOWN;
	return h("section", {}, h("h3", {}, title), h("pre", { tabindex: 0, "aria-label": title }, cut ? text.slice(0, MOST_SHOWN) : text), cut && h("p", { class: "small quiet" }, `The first ${MOST_SHOWN} of ${text.length} characters.`));
}
