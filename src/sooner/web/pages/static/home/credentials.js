// The key of this tab: pasted by a person, or from the address's fragment, which no server sees.
import { at, h, put } from "../lib/dom.js";

const NAME = "sooner.token";

/** Takes a token out of the address, so that it is neither bookmarked nor copied along. */
export function adopt() {
	const given = new URLSearchParams(location.hash.slice(1)).get("token");
	if (!given) return;
	sessionStorage.setItem(NAME, given);
	history.replaceState(null, "", location.pathname);
}

export const token = () => sessionStorage.getItem(NAME) ?? "";
export const keep = (value) => sessionStorage.setItem(NAME, value);
export const forget = () => sessionStorage.removeItem(NAME);

/** The line in the header that says whose key is used. */
export function showKey(onForget) {
	const key = token();
	const forgetIt = () => (forget(), onForget());
	put(at("credentials"), key && h("button", { class: "plain small", onclick: forgetIt, title: "Take the key out of this tab" }, "Forget key"));
}

/** The form that asks for a key. `check` returns the key's error, or nothing. */
export function gate(check) {
	const input = h("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true, placeholder: "sooner_…", "aria-describedby": "key-hint key-fault" });
	const wrong = h("p", { id: "key-fault", class: "fault", role: "alert" });
	const submit = async (event) => {
		event.preventDefault();
		put(wrong, await check(input.value.trim()));
		input.setAttribute("aria-invalid", String(wrong.textContent !== ""));
	};
	return h("div", { class: "gate" },
		h("form", { onsubmit: submit },
			h("div", { class: "field" }, h("label", { for: "key" }, "API key"), input),
			h("button", { class: "primary" }, "Use this key")),
		wrong,
		h("p", { id: "key-hint", class: "hint" }, "It stays in this tab and is gone when you close it. An operator makes one with ", h("code", {}, "python -m src.keys create --tenant NAME"), "."));
}
