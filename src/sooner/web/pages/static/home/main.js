// The page that submits a job.
import { at, h, put } from "../lib/dom.js";
import { fault, prose, span } from "../lib/words.js";
import { adopt, forget, gate, keep, showKey, token } from "./credentials.js";
import { fieldsOf } from "./forms.js";
import { alertOf } from "./run.js";
import { show, start } from "./submit.js";

/** The deployment's actors. Raises the errors of `fetch`, and an Error whose cause is the problem. */
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

/** The actors, the inventory first: it is the service's example. */
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
const addressFields = (actor) => ["url", "ref", "compare", "token"].filter((name) => has(actor, name));
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
			await start(actor.name, fields.read(), fields.secret());
		} catch (error) {
			if (error instanceof SyntaxError) return;
			button.disabled = false;
			button.focus();
			put(said, refused(error, fields));
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

adopt();
// An address with a job shows the job first.
if (location.hash.startsWith("#job=")) document.querySelector("main")?.prepend(at("job"), at("output"), at("result"));
showForm();
show();
addEventListener("popstate", show);
