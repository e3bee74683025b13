// The facts about a job: its steps, and the facts beside its document.
import { h } from "../lib/dom.js";
import { between, span, time } from "../lib/words.js";

const PAST = { error: "failed", "given-back": "given back", lost: "lost with its worker" };
const ENDED = { done: "Done", error: "Failed", error_resolved: "Failed, resolved since", cancelled: "Cancelled" };

/** Whether a job has not ended. */
export const isLive = (job) => job.state === "waiting" || job.state === "processing";

/** A step: its kind (`good`, `bad`, `going`), its name, its time, and details. */
function steps(job) {
	const list = [["", "Submitted", job.created_at, job.request_id && `request ${job.request_id}`]];
	const isPutOff = job.state === "waiting" && job.due_at !== null;
	if (job.run_at) list.push([isPutOff && job.due_at === job.run_at ? "going" : "", "Postponed until", job.run_at, null]);
	for (const past of job.attempts_log.filter((each) => each.outcome && each.ended_at !== job.finished_at)) list.push(former(past));
	if (isPutOff && job.due_at !== job.run_at) list.push(["going", job.attempts ? "Next attempt due" : "Due", job.due_at, null]);
	if (job.state === "waiting" && !isPutOff) list.push(["going", "Waits for a worker", null, hindrance(job)]);
	if (job.started_at && job.state !== "waiting") list.push([job.state === "processing" ? "going" : "", `Attempt ${job.attempts} began`, job.started_at, job.worker && `worker ${job.worker_name ?? job.worker}`]);
	if (job.finished_at) list.push([job.state === "done" ? "good" : "bad", ENDED[job.state], job.finished_at, job.started_at && `ran ${span(between(job.started_at, job.finished_at))}`]);
	return list;
}

function former({ attempt, outcome, began_at, ended_at, exception, worker }) {
	const more = [began_at && `ran ${span(between(began_at, ended_at))}`, exception, worker && `worker ${worker}`];
	return [outcome === "given-back" ? "" : "bad", `Attempt ${attempt} ${PAST[outcome] ?? outcome}`, ended_at, more.filter(Boolean).join(" · ")];
}

function hindrance(job) {
	if (job.paused) return `The queue ${job.queue} is paused.`;
	return job.stranded && `No living worker would claim it: none knows the actor ${job.actor}, or serves the queue ${job.queue}. The doctor says which.`;
}

export const timeline = (job) => h("section", { "data-key": "timeline" }, h("h3", {}, "Timeline"), h("ol", { class: "timeline" }, steps(job).map(([kind, what, when, more]) => h("li", { class: kind || null }, h("span", { class: "what" }, what), " ", when && h("time", { class: "quiet", datetime: when, title: when }, time(when)), more && h("div", { class: "small quiet" }, more)))));

export function facts(job) {
	const rows = [["Job", job.id], ["Tenant", job.tenant ?? "none"], ["Queue", `${job.queue}, priority ${job.priority}`], ["Attempts", `${job.attempts}${job.crashes ? `, ${job.crashes} of them ended with their worker` : ""}`], ["Request", job.request_id], ["Trace", job.traceparent], ["Idempotency key", job.idempotency_key], ["Cancelled if not final at", job.cancel_at && time(job.cancel_at)], ["Kept until", time(job.expires_at)]];
	return h("section", { "data-key": "facts" }, h("h3", { class: "sr" }, "Facts"), h("dl", { class: "facts" }, rows.filter(([, fact]) => fact).map(([name, fact]) => [h("dt", {}, name), h("dd", { class: /Job|Request|Trace|key/.test(name) ? "mono" : null }, fact)])));
}
