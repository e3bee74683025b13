// A small chart over time.
import { h, s } from "../lib/dom.js";

const WIDTH = 300;
const HEIGHT = 72;

/** Points [x, y] of a line, broken where samples are missing. */
function pieces(points, step) {
	const lines = [];
	for (const point of points) {
		const last = lines.at(-1);
		if (last && point[0] - last.at(-1)[0] <= 3 * step) last.push(point);
		else lines.push([point]);
	}
	return lines;
}

/** `points`: [time in seconds, value]; `say` puts a value in words. */
export function chart(title, points, { seconds, step, now, say }) {
	const shown = points.filter(([at]) => at >= now - seconds);
	const most = Math.max(1e-9, ...shown.map(([, value]) => value));
	const x = (at) => (WIDTH * (at - now + seconds)) / seconds;
	const y = (value) => HEIGHT - 3 - ((HEIGHT - 8) * value) / most;
	const path = (line) => line.map(([at, value], index) => `${index ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
	const lines = pieces(shown, step);
	const latest = shown.at(-1)?.[1] ?? 0;
	const top = shown.length ? Math.max(...shown.map(([, value]) => value)) : 0;
	return h("figure", { class: "chart" },
		h("figcaption", {}, h("span", {}, title), h("span", {}, "most ", h("b", {}, say(top)))),
		s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: now ${say(latest)}, at most ${say(top)}` },
			s("path", { class: "base", d: `M0 ${HEIGHT - 2}H${WIDTH}` }),
			lines.map((line) => [
				s("path", { class: "area", d: `${path(line)}L${x(line.at(-1)[0]).toFixed(1)} ${HEIGHT - 2}L${x(line[0][0]).toFixed(1)} ${HEIGHT - 2}Z` }),
				s("path", { class: "line", d: path(line) }),
			])),
		h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, `${Math.round(seconds / 60)} min ago`), h("span", {}, "now")));
}
