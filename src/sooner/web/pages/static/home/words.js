// The words for a job on the page that submits it.
import { between, many, span, time } from "../lib/words.js";

/** Whether a job is postponed to a later time. */
export const isPostponed = (job) => job.state === "waiting" && job.run_at && between(job.run_at) < 0;

/** The time at which a job could first begin. */
const since = (job) => (job.run_at && between(job.created_at, job.run_at) > 0 ? job.run_at : job.created_at);

const verdicts = {
	done: (job, answered) => (answered === null ? `Done after ${span(between(since(job), job.finished_at))}` : `Answered at once in ${span(answered / 1000)}`),
	error: () => "The job failed",
	error_resolved: () => "The job failed; a person has dealt with it",
	cancelled: () => "Cancelled",
	waiting: (job) => (isPostponed(job) ? `Postponed until ${time(job.run_at)}` : job.attempts ? "Deferred: the job will be tried again" : "Deferred: the job waits its turn"),
	processing: () => "Deferred: the job is running",
};

/** A job's state as a sentence. `answered`: milliseconds, where the first answer was the result. */
export const verdict = (job, answered) => verdicts[job.state](job, answered);

/** The current activity, in a few words. */
export function activity(job) {
	if (job.state === "processing") return job.progress?.message || "Running";
	return job.attempts ? `Waiting for attempt ${job.attempts + 1}` : "Waiting for a worker";
}

/** The estimate of the job's end. */
export function estimate(job) {
	if (job.cancel_requested) return "It was asked to stop.";
	if (isPostponed(job)) return `It begins in ${span(-between(job.run_at))}.`;
	if (job.state === "waiting" && !(between(job.estimate?.finishes_at) < -0.5)) return "It waits for a worker.";
	if (!job.estimate) return `Running for ${span(between(job.started_at))}. How long it takes is not known yet: too few runs.`;
	const left = -between(job.estimate.finishes_at);
	return left > 0.5 ? `About ${span(left)} to go, judging by ${job.progress?.fraction ? "its progress" : "earlier runs"}.` : "It takes longer than earlier runs did.";
}

/** The outcome of a job that has ended. */
export function course(job) {
	const asked = job.cancel_requested && job.state !== "cancelled" && "It was asked to stop, and went on to its end.";
	if (!job.started_at) return [asked, "It never began."];
	const ran = span(between(job.started_at, job.finished_at));
	return [asked, job.attempts > 1 ? `${many(job.attempts, "attempt")}, the last one ran ${ran}.` : `Waited ${span(Math.max(0, between(since(job), job.started_at)))}, ran ${ran}.`];
}
