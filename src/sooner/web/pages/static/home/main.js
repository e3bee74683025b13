// The page that submits a job.
import { ConnectionError, Sooner } from "../sooner.js";
import { at, h, put } from "../lib/dom.js";
import { fault, prose, span } from "../lib/words.js";
import { adopt, forget, gate, keep, showKey, token } from "./credentials.js";
import { fieldsOf } from "./forms.js";
import { alertOf, linkTo, refresh, showJob } from "./run.js";

const PENDING = "sooner.pending";
const sooner = new Sooner({ token });
const watch = { onProgress: refresh };

/** The deployment's actors. Raises what `fetch` raises, and an Error whose cause is the problem. */
async function actors() {
	const response = await fetch("actors", { headers: { Authorization: `Bearer ${token()}` } });
	const body = await response.json();
	if (!response.ok) throw Object.assign(new Error(body.title, { cause: body }), { status: response.status });
	return body.items;
}

async function showForm() {
	const place = at("form");
	showKey(showForm);
	if (!token()) return put(place, gate(tryKey));
	try {
		put(place, forms(await actors()));
	} catch (error) {
		if (error.status === 401 || error.status === 403) {
			forget();
			showKey(showForm);
			put(place, alertOf(error), gate(tryKey));
		} else put(place, alertOf(error), h("p", {}, h("button", { onclick: showForm }, "Try again")));
	}
}

async function tryKey(key) {
	keep(key);
	try {
		await actors();
	} catch (error) {
		forget();
		return fault(error).detail;
	}
	await showForm();
	at("try").focus();
	return "";
}

/** The inventory first: it is what the service is shown with. */
function forms(all) {
	const first = all.find((actor) => actor.name === "inventory_tests");
	const kinds = [...sources(first), ["other", all.some((actor) => actor !== first) && "Another job"]].filter(([, title]) => title);
	const place = h("div");
	const show = (kind) => put(place, kind === "other" ? others(all.filter((actor) => actor !== first)) : form(first, kind === "upload" ? ["upload"] : addressFields(first), "Count the tests"));
	const radios = kinds.map(([kind, title], index) => h("label", {}, h("input", { type: "radio", name: "kind", value: kind, checked: index === 0, onchange: () => show(kind) }), title));
	if (kinds.length) show(kinds[0][0]);
	return [kinds.length > 1 && h("fieldset", {}, h("legend", { class: "sr" }, "What to run"), h("div", { class: "kinds" }, radios)), place];
}

const has = (actor, name) => Boolean(actor?.parameters.properties?.[name]);
const addressFields = (actor) => ["url", "ref", "token"].filter((name) => has(actor, name));
const sources = (actor) => [["upload", has(actor, "upload") && "An archive"], ["url", has(actor, "url") && "An address"]];

function others(all) {
	const place = h("div");
	const about = h("p", { id: "about" });
	const select = h("select", { id: "actor", "aria-describedby": "about" }, all.map((actor) => h("option", {}, actor.name)));
	const show = () => {
		const actor = all.find((one) => one.name === select.value);
		put(about, prose(actor.description), actor.duration?.p50 !== null && actor.duration?.p50 !== undefined && ` Usually takes ${span(actor.duration.p50)}.`);
		put(place, form(actor, undefined, "Start"));
	};
	select.addEventListener("change", show);
	show();
	return h("div", { class: "fields" }, h("div", { class: "actor wide" }, h("div", { class: "field" }, h("label", { for: "actor" }, "Job"), select), about), h("div", { class: "wide" }, place));
}

function form(actor, names, title) {
	const fields = fieldsOf(actor.parameters, names);
	const said = h("div");
	const button = h("button", { class: "primary" }, title);
	const submit = async (event) => {
		event.preventDefault();
		put(said);
		button.disabled = true;
		try {
			const params = await fields.read((file) => { if (!file) throw new RangeError(); return sooner.upload(file); });
			await run(actor.name, params, fields.secret());
		} catch (error) {
			if (!(error instanceof SyntaxError)) put(said, refused(error, fields));
		} finally {
			button.disabled = false;
		}
	};
	return h("form", { onsubmit: submit, novalidate: true }, fields.element, h("div", { class: "row" }, button), said);
}

function refused(error, fields) {
	const errors = error.cause?.errors;
	if (!errors) return alertOf(error);
	const rest = fields.blame(errors);
	return rest.length ? h("div", { class: "alert", role: "alert" }, h("strong", {}, "That does not fit"), rest.join(". ")) : null;
}

/** Submits, and remembers what for as long as no answer has come: a reload asks again for the same job. */
async function run(actor, params, secret) {
	const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
	if (!secret) sessionStorage.setItem(PENDING, JSON.stringify({ actor, params, key }));
	await submit({ actor, params, key });
}

async function submit({ actor, params, key }) {
	const began = performance.now();
	try {
		const job = await sooner.submit(actor, params, { idempotencyKey: key, ...watch });
		sessionStorage.removeItem(PENDING);
		const answered = job.final ? performance.now() - began : null;
		history.pushState(null, "", linkTo(job));
		showJob(job, answered);
		at("job").focus({ preventScroll: true });
		at("job").scrollIntoView({ block: "nearest", behavior: "smooth" });
	} catch (error) {
		if (!(error instanceof ConnectionError)) sessionStorage.removeItem(PENDING);
		throw error;
	}
}

/** Shows the job that the address names, or none. */
async function follow() {
	const url = new URLSearchParams(location.hash.slice(1)).get("job");
	at("job").hidden = !url;
	at("result").hidden = true;
	if (!url) return;
	try {
		showJob(await sooner.resume(url, watch), null);
	} catch (error) {
		put(at("job"), lostJob(error));
	}
}

function lostJob(error) {
	const gone = { 401: "This link has expired, or was not copied whole.", 410: "The job was removed with its result: its time was over.", 404: "There is no such job." }[error.cause?.status];
	return gone ? h("div", { class: "alert mild", role: "alert" }, h("strong", {}, "This job cannot be shown"), gone) : alertOf(error);
}

adopt();
showForm();
addEventListener("popstate", follow);
const pending = sessionStorage.getItem(PENDING);
if (location.hash || !pending) follow();
else submit(JSON.parse(pending)).catch((error) => put(at("form"), alertOf(error)));
