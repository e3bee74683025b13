// The schedules and their ticks.
import { h, renew } from "../lib/dom.js";
import { between, listed, span, stateName, timeIn } from "../lib/words.js";

export class Schedules {
	board = null;

	constructor(open) {
		this.open = open;
		this.place = h("div");
		this.element = [h("section", { class: "card", "aria-labelledby": "schedules" }, h("h1", { id: "schedules" }, "Schedules"), this.place)];
	}

	tick() {
		if (this.board) this.show(this.board);
	}

	show(board) {
		this.board = board;
		const { schedules, schedulers } = board;
		const idle = schedulers ? schedulers.filter((one) => !one.alive).map((one) => one.shard) : [];
		const isIdle = schedulers ? idle.length > 0 : !board.scheduler.alive;
		if (!schedules.length) return renew(this.place, h("p", { class: "quiet" }, "The scheduler has not run yet: it says what it knows once it leads."));
		renew(this.place, isIdle && h("p", { class: "alert mild" }, idle.length ? `No scheduler leads on shard ${listed(idle)}: nothing is started there now.` : "No scheduler leads: nothing is started now."),
			h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Schedules" }, h("table", { class: "stack no-pick" },
				h("thead", {}, h("tr", {}, ["Schedule", schedulers && "Shard", "Times", "Next", "Last", "Its job"].filter(Boolean).map((name) => h("th", { scope: "col" }, name)))),
				h("tbody", {}, schedules.map((one) => this.row(one))))));
	}

	row(one) {
		const next = one.next_at && [timeIn(one.next_at, one.timezone), h("div", { class: "quiet small" }, `in ${span(Math.max(0, -between(one.next_at)))}`)];
		const job = one.job ? h("a", { href: this.open(one.job) }, stateName(one.state ?? "removed")) : one.last_at ? "passed over" : "–";
		return h("tr", { "data-key": [one.shard, one.name].filter(Boolean).join("/") }, h("td", { class: "lead" }, one.name, one.actor !== one.name && h("div", { class: "quiet small" }, one.actor)),
			one.shard && h("td", { "data-name": "Shard" }, one.shard), h("td", { "data-name": "Times" }, h("span", { class: "mono" }, one.cron), h("span", { class: "quiet" }, ` ${one.timezone}`)), h("td", { "data-name": "Next" }, next ?? "–"), h("td", { "data-name": "Last" }, one.last_at ? timeIn(one.last_at, one.timezone) : "not yet"), h("td", { "data-name": "Its job" }, job));
	}
}
