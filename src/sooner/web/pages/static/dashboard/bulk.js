// Actions on many failed jobs. Every button keeps its place, so that a click never hits another one.
import { h, put } from "../lib/dom.js";
import { count, many } from "../lib/words.js";
import { call } from "./service.js";

const DONE = { retry: "put back to waiting", resolve: "resolved" };

export class Bulk {
	/** @type {Set<string>} */
	picked = new Set();
	busy = false;

	/** `jobs` is the list; `fail` shows an error, `say` a text. */
	constructor(jobs, fail, say) {
		this.say = say;
		this.jobs = jobs;
		this.fail = fail;
		this.said = h("p", { class: "quiet", role: "status" });
		this.ours = [this.button("Retry", "retry"), this.button("Resolve", "resolve")];
		this.every = [this.button("Retry all that failed", "retry", true), this.button("Resolve all that failed", "resolve", true)];
		this.element = h("div", { class: "bulk" }, this.ours, this.said, h("div", { class: "every" }, this.every));
	}

	button(title, action, every = false) {
		return h("button", { onclick: () => (every ? this.doToAll(title, action) : this.doToPicked(action)) }, title);
	}

	pick(id, isPicked) {
		this.picked[isPicked ? "add" : "delete"](id);
		this.told = "";
		this.show();
	}

	clear() {
		this.picked.clear();
		this.told = "";
		this.show();
	}

	show() {
		for (const button of this.ours) button.disabled = this.busy || !this.picked.size;
		for (const button of this.every) {
			button.disabled = this.busy || !this.jobs.items.length;
			button.hidden = this.jobs.query?.get("state") !== "error";
		}
		const text = this.told || this.selection();
		if (this.said.textContent !== text) put(this.said, text);
	}

	selection() {
		const here = new Map(this.jobs.items.map((job) => [job.id, job.state]));
		const states = [...this.picked].map((id) => here.get(id));
		const other = states.filter((state) => state && state !== "error").length;
		const away = states.filter((state) => !state).length;
		if (!states.length) return [...here.values()].includes("error") ? "Select failed jobs to retry or resolve them." : "";
		return [`${count(states.length)} selected`, other && `${count(other)} no longer failed`, away && `${count(away)} not on this page`].filter(Boolean).join(", ");
	}

	doToPicked(action) {
		return this.act(async () => {
			const answer = await call("POST", `dashboard/${action}`, { ids: [...this.picked] });
			this.picked.clear();
			return answer;
		}, action);
	}

	/** Goes from page to page of the current list: a job that fails again at once is not met a second time. */
	doToAll(title, action) {
		const actor = this.jobs.query.get("actor");
		if (!confirm(`${title}${actor ? ` of ${actor}` : ""}, on all pages?`)) return;
		return this.act(async () => {
			const sum = { changed: 0, refused: 0, reason: null, missing: /** @type {string[]} */ ([]) };
			for (let cursor = null, more = true; more; more = cursor !== null) {
				const answer = await call("POST", `dashboard/${action}`, { actor, cursor });
				sum.changed += answer.changed;
				sum.refused += answer.refused;
				sum.reason ??= answer.reason;
				sum.missing = [...new Set([...sum.missing, ...(answer.missing ?? [])])];
				cursor = answer.next ?? null;
				this.tell(`${title}: ${count(sum.changed)} …`);
			}
			return sum;
		}, action);
	}

	async act(work, action) {
		this.busy = true;
		this.show();
		try {
			const { changed, refused, reason, missing = [] } = await work();
			this.told = `${many(changed, "job")} ${DONE[action]}${refused ? `, ${count(refused)} not` : ""}.`;
			const left = missing.length && `The jobs of ${missing.length > 1 ? "shards" : "shard"} ${missing.join(" and ")} are left out, for lack of an answer.`;
			const stayed = refused && `${many(refused, "job")} stayed as before. ${reason}`;
			if (stayed || left) this.say([stayed, left].filter(Boolean).join(" "));
		} catch (error) {
			this.told = "";
			this.fail(error);
		}
		this.busy = false;
		this.jobs.render();
	}

	tell(text) {
		this.told = text;
		this.show();
	}
}
