// The operators' page: its address names its view, and one event stream brings its data.
import { at, h, put, renew } from "../lib/dom.js";
import { fault, listed } from "../lib/words.js";
import { Jobs } from "./jobs.js";
import { Whole } from "./job.js";
import { Overview } from "./overview.js";
import { Schedules } from "./schedules.js";
import { Stream, call } from "./service.js";
import { signIn, signOut } from "./sign.js";

const main = at("main");
const query = () => new URLSearchParams(location.search);

/** The address of a job above the current view. */
function open(id) {
	const to = query();
	to.set("job", id);
	return `dashboard?${to}`;
}

function go(to) {
	history.pushState(null, "", `dashboard${String(to) ? `?${to}` : ""}`);
	render();
}

const fail = (error) => (error.status === 401 ? leave("The session is over: sign in again.") : say(fault(error).detail));

/** Shows a text above the page, which does not move, for as long as reading takes. */
const say = (text) => put(at("said"), h("p", { class: "alert", role: "alert" }, text, h("button", { class: "plain small end", onclick: () => put(at("said")) }, "Dismiss")));

/** Says which shards' numbers are not in what the page shows. */
const warn = (missing) => renew(at("missing"), missing.length > 0 && h("p", { class: "alert mild" }, missing.length > 1 ? `Shards ${listed(missing)} do not answer: their jobs are not shown.` : `Shard ${missing[0]} does not answer: its jobs are not shown.`));

/** @type {Record<string, any> | null} */
let views = null;
/** @type {any} */
let view = null;

const stream = new Stream({
	board: (board) => {
		warn(board.missing ?? []);
		if (view?.shows === "board") view.show(board);
	},
	jobs: (jobs) => views?.jobs === view && view.asks && view.show(jobs),
	job: (job) => whole.show(job),
	connected: (here) => {
		at("live").classList.toggle("away", !here);
		put(at("live"), here ? "live" : "connecting …");
	},
	over: () => leave("The session is over: sign in again."),
});

const whole = new Whole(() => {
	const to = query();
	if (!to.has("job")) return;
	to.delete("job");
	go(to);
});

function leave(why) {
	stream.close();
	views = view = null;
	put(at("said"));
	put(at("missing"));
	whole.dialog.open && whole.dialog.close();
	for (const id of ["views", "live", "out"]) at(id).hidden = true;
	put(main, signIn(enter, why));
}

async function enter() {
	try {
		const history = await call("GET", "dashboard/history");
		const make = (kind, shows) => Object.assign(kind, { shows });
		views = { overview: make(new Overview(open, fail), "board"), jobs: make(new Jobs({ open, go, listen, fail, say }), "jobs"), schedules: make(new Schedules(open), "board") };
		views.overview.history = history;
		for (const id of ["views", "live", "out"]) at(id).hidden = false;
		put(at("live"), "connecting …");
		render();
	} catch (error) {
		if (error.status === 401 || error.status === 403) leave("");
		else put(main, h("div", { class: "alert", role: "alert" }, fault(error).detail), h("p", {}, h("button", { onclick: enter }, "Try again")));
	}
}

/** @type {string | null} */
let shown = null;

/** Shows the view that the address names. */
function render() {
	if (!views) return;
	const to = query();
	const wish = to.get("view") ?? "";
	const name = wish in views ? wish : "overview";
	const changed = view !== views[name];
	view = views[name];
	for (const link of /** @type {HTMLCollectionOf<HTMLAnchorElement>} */ (at("views").children)) {
		const here = (new URL(link.href).searchParams.get("view") ?? "overview") === name;
		here ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
	}
	if (changed) put(main, view.element);
	const list = new URLSearchParams(to);
	list.delete("job");
	if (name === "jobs" && (changed || String(list) !== shown)) view.turn(list);
	shown = String(list);
	whole.open(to.get("job"));
	listen();
}

/** Opens the stream of the current view; a list that is still being read opens it again later. */
function listen() {
	const to = query();
	if (view !== views?.jobs) for (const name of [...to.keys()]) name !== "job" && to.delete(name);
	else if (!view.asks) return stream.close();
	else for (const [name, value] of Object.entries(view.asks)) to.set(name, value);
	stream.show(to);
}

document.addEventListener("click", (event) => {
	const link = /** @type {HTMLElement} */ (event.target).closest?.("a");
	if (!views || !link || link.pathname !== location.pathname || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
	event.preventDefault();
	go(new URL(link.href).searchParams);
});
addEventListener("popstate", render);
// Durations of running jobs count on between two events; without a connection they stop.
setInterval(() => at("live").classList.contains("away") || view?.tick(), 1000);
at("out").addEventListener("click", async () => {
	await signOut().catch(() => {});
	leave("");
});
enter();
