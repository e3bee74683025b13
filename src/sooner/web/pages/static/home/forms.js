// A form from an actor's JSON Schema.
import { h, put, uid } from "../lib/dom.js";
import { prose, size } from "../lib/words.js";

const KINDS = { integer: "number", number: "number", string: "text" };

/** The schema of a value that may also be null. */
const bare = (schema) => ({ ...schema, ...(schema.anyOf?.find((one) => one.type !== "null") ?? {}) });
const isSecret = (schema) => schema.writeOnly || schema.format === "password";

/** One control: its element, `read()` for its value (undefined: left out), and whether it holds a secret. */
function control(name, schema, id) {
	if (schema["x-upload"]) return filePicker(id);
	if (schema.type === "boolean") return checkbox(id, schema);
	if (schema.enum) return choice(id, schema);
	if (schema.type in KINDS) return line(id, schema);
	return text(id, schema);
}

function line(id, schema) {
	const number = KINDS[schema.type] === "number";
	const input = h("input", {
		id, type: isSecret(schema) ? "password" : schema.format === "uri" ? "url" : KINDS[schema.type], autocomplete: "off",
		min: schema.minimum, max: schema.maximum, step: schema.type === "integer" ? 1 : number ? "any" : null,
		value: schema.default ?? null, minlength: schema.minLength, maxlength: schema.maxLength,
	});
	return { element: input, read: () => (input.value === "" ? undefined : number ? Number(input.value) : input.value) };
}

function checkbox(id, schema) {
	const input = h("input", { id, type: "checkbox", checked: schema.default === true });
	return { element: input, read: () => input.checked };
}

function choice(id, schema) {
	const select = h("select", { id }, schema.enum.map((value) => h("option", { value: JSON.stringify(value) }, String(value))));
	return { element: select, read: () => JSON.parse(select.value) };
}

function text(id, schema) {
	const area = h("textarea", { id, spellcheck: "false", value: schema.default === undefined ? null : JSON.stringify(schema.default) });
	return { element: area, read: () => (area.value.trim() === "" ? undefined : JSON.parse(area.value)) };
}

/** A file, dropped or chosen. */
export function filePicker(id) {
	const name = h("strong", {}, "Choose a file");
	const note = h("span", { class: "hint" }, "or drop it here");
	const input = h("input", { id, type: "file" });
	const box = h("div", { class: "drop" }, name, note, input);
	const show = () => {
		const file = input.files[0];
		if (file) put(name, file.name), put(note, size(file.size));
	};
	input.addEventListener("change", show);
	for (const type of ["dragover", "dragleave", "drop"]) box.addEventListener(type, () => box.classList.toggle("over", type === "dragover"));
	return { element: box, read: () => input.files[0], file: true };
}

/** A labelled field that can show its error. */
function field(name, declared, required) {
	const schema = bare(declared);
	const id = uid("field");
	const { element, read, file } = control(name, schema, id);
	const input = element.matches("input, select, textarea") ? element : element.querySelector("input");
	const wrong = h("p", { id: `${id}-fault`, class: "fault" });
	input.setAttribute("aria-describedby", `${id}-hint ${id}-fault`);
	const label = h("label", { for: id, class: file ? "sr" : null }, schema.title ?? name, !required && h("span", { class: "quiet" }, " (optional)"));
	const hint = h("p", { id: `${id}-hint`, class: "hint" }, prose(schema.description ?? ""));
	const box = schema.type === "boolean" ? [h("div", { class: "check" }, element, label)] : [label, element];
	return {
		name, read, file, secret: isSecret(schema),
		element: h("div", { class: `field${file || element.matches("textarea") ? " wide" : ""}` }, box, schema.description && hint, wrong),
		blame(reason) {
			put(wrong, reason);
			input.setAttribute("aria-invalid", String(Boolean(reason)));
			if (reason) input.focus();
		},
	};
}

/** The whole object as JSON, for an actor that takes any. */
function open(example) {
	const id = uid("field");
	const area = h("textarea", { id, spellcheck: "false", value: example, "aria-describedby": `${id}-fault` });
	const wrong = h("p", { id: `${id}-fault`, class: "fault" });
	return {
		name: null, read: () => JSON.parse(area.value), file: false, secret: false,
		element: h("div", { class: "field wide" }, h("label", { for: id }, "Parameters, as JSON"), area, wrong),
		blame(reason) { put(wrong, reason); area.setAttribute("aria-invalid", String(Boolean(reason))); },
	};
}

/**
 * The fields of a schema. `read()` returns the parameters, with files among them; `blame(errors)` shows a problem's errors at their
 * fields and returns the errors that belong to none.
 */
export function fieldsOf(schema, only = Object.keys(schema.properties ?? {})) {
	const required = new Set(schema.required ?? []);
	const fields = only.map((name) => field(name, schema.properties[name], required.has(name)));
	if (!fields.length && schema.additionalProperties) fields.push(open('{"hello": "world"}'));
	const clear = () => fields.forEach((one) => one.blame(""));
	return {
		element: h("div", { class: "fields" }, fields.map((one) => one.element)),
		secret: () => fields.some((one) => one.secret && one.read() !== undefined),
		read() {
			clear();
			const params = {};
			for (const one of fields) {
				const value = valueOf(one);
				if (value === undefined) continue;
				if (one.name === null) Object.assign(params, value);
				else params[one.name] = value;
			}
			return params;
		},
		blame(errors) {
			const rest = [];
			for (const { pointer, detail } of errors) {
				const name = decodeURIComponent(pointer.replace(/^#\/?/, "").split("/")[0]);
				const one = fields.find((each) => each.name === name) ?? (fields[0]?.name === null ? fields[0] : undefined);
				one ? one.blame(detail) : rest.push(`${name ? `${name}: ` : ""}${detail}`);
			}
			return rest;
		},
	};
}

function valueOf(one) {
	try {
		return one.read();
	} catch {
		one.blame("This is not JSON.");
		throw new SyntaxError("a field is not JSON");
	}
}
