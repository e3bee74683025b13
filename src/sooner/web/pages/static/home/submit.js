// A job is asked for, or found by what the page's address says.
import { ConnectionError, Sooner } from "../sooner.js";
import { at, h } from "../lib/dom.js";
import { token } from "./credentials.js";
import { View, alertOf, clear, linkTo } from "./run.js";

/** @type {ScrollIntoViewOptions} */
const GENTLY = { block: "nearest", behavior: "smooth" };
const sooner = new Sooner({ token });

/**
 * Submits. What is asked for stands in this entry of the tab's history until there is an answer: a reload, or a way
 * back to it, asks again for the same job. Secrets are kept nowhere. Throws the refusal.
 */
export async function start(actor, given, isSecret) {
	const view = new View(actor, "Sent, waiting for the answer");
	history.pushState(null, "", location.pathname);
	at("try").after(at("job"), at("result"));
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

/** Parameters with an upload's id in the place of each file. */
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

/** `began`: when it was asked for, null where that was before a reload. */
async function submit(view, { actor, params, key }, began) {
	const job = await sooner.submit(actor, params, { idempotencyKey: key, signal: view.signal, onProgress: () => view.render() });
	view.signal.throwIfAborted();
	history.replaceState(null, "", linkTo(job));
	view.follow(job, job.final && began !== null ? performance.now() - began : null);
	if (began !== null) at("job").scrollIntoView(GENTLY);
}

/** Shows what the address says: a job, one whose answer has not come yet, or none. */
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
