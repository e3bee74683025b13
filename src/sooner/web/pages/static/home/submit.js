// Submits a job, or finds the job that the page's address names.
import { ConnectionError, Sooner } from "../sooner.js";
import { at, h } from "../lib/dom.js";
import { token } from "./credentials.js";
import { View, alertOf, clear, linkTo } from "./run.js";

/** @type {ScrollIntoViewOptions} */
const GENTLY = { block: "nearest", behavior: "smooth" };
const sooner = new Sooner({ token });

/**
 * Submits a job. The request stays in this entry of the tab's history until its answer: a reload, or going back,
 * submits the same job again. Secrets are kept nowhere. Throws the refusal.
 */
export async function start(actor, given, isSecret) {
	const view = new View(actor, "Sent, waiting for the answer");
	history.pushState(null, "", location.pathname);
	at("try").after(at("job"), at("output"), at("result"));
	at("job").focus({ preventScroll: true });
	at("job").scrollIntoView(GENTLY);
	try {
		const pending = { actor, params: await uploaded(given, view), key: newKey() };
		if (!isSecret) history.replaceState({ pending }, "");
		await submit(view, pending, performance.now());
	} catch (error) {
		if (view.signal.aborted) return;
		clear();
		if (!(error instanceof ConnectionError)) history.replaceState(null, "");
		throw error;
	}
}

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** The parameters with an upload's id in place of each file. */
async function uploaded(given, view) {
	const params = {};
	for (const [name, value] of Object.entries(given)) {
		if (value instanceof File) view.say(`Uploading ${value.name}`);
		params[name] = value instanceof File ? (await sooner.upload(value, view.signal)).id : value;
	}
	view.signal.throwIfAborted();
	view.say("Sent, waiting for the answer");
	return params;
}

/** `began`: the time of the submission, null for one before a reload. */
async function submit(view, { actor, params, key }, began) {
	const job = await sooner.submit(actor, params, { idempotencyKey: key, signal: view.signal, onProgress: () => view.render() });
	view.signal.throwIfAborted();
	history.replaceState(null, "", linkTo(job));
	view.follow(job, job.final && began !== null ? performance.now() - began : null);
	if (began !== null) at("job").scrollIntoView(GENTLY);
}

/** Shows the job of the address, a job whose answer has not come yet, or none. */
export async function show() {
	const url = new URLSearchParams(location.hash.slice(1)).get("job");
	const pending = history.state?.pending;
	if (!url && !pending) return clear();
	const view = new View(pending?.actor, url ? "Reading the job" : "Sent, waiting for the answer");
	try {
		if (url) view.follow(await sooner.resume(url, { signal: view.signal, onProgress: () => view.render() }), null);
		else await submit(view, pending, null);
	} catch (error) {
		if (!view.signal.aborted) view.fail(lost(error));
	}
}

function lost(error) {
	const gone = { 401: "This link has expired, or was not copied whole.", 410: "The job was removed with its result: its time was over.", 404: "There is no such job." }[error.cause?.status];
	if (gone) return h("div", { class: "alert mild", role: "alert" }, h("strong", {}, "This job cannot be shown"), gone);
	return [alertOf(error), h("p", {}, h("button", { onclick: show }, "Try again"))];
}
