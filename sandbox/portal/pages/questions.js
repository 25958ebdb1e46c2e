// The four kinds of custom registration fields, and the responses that come of them.

import { make } from "../dom.js";

const YES_NO = 100000001;
const MULTIPLE_CHOICE = 100000002;
const SINGLE_CHOICE = 100000003;

function choices(field) {
  return (field.choices ?? "").split("\n").map((choice) => choice.trim()).filter(Boolean);
}

function label(field, id) {
  return make("label", { for: id, dir: "auto" }, field.text ?? "", field.isRequired && make("span", { class: "star", "aria-hidden": "true" }, " *"));
}

function text(field, id, testid) {
  const input = make("input", { id, type: "text", dir: "auto", required: Boolean(field.isRequired), testid });
  return { node: make("div", { class: "field" }, label(field, id), input), read: () => [input.value, null] };
}

function yesNo(field, id, testid) {
  const input = make("input", { id, type: "checkbox", testid });
  return { node: make("div", { class: "field tick" }, input, label(field, id)), read: () => [String(input.checked), null] };
}

function singleChoice(field, id, testid) {
  const options = choices(field).map((choice) => make("option", { value: choice }, choice));
  const input = make("select", { id, required: Boolean(field.isRequired), testid }, make("option", { value: "" }, "Please choose"), options);
  return { node: make("div", { class: "field" }, label(field, id), input), read: () => [input.value, null] };
}

function multipleChoice(field, id, testid) {
  const boxes = choices(field).map((choice, number) => make("input", { id: `${id}-${number}`, type: "checkbox", value: choice, testid: `${testid}-choice` }));
  const picked = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const judge = () => boxes[0]?.setCustomValidity(field.isRequired && !picked().length ? "Please choose at least one." : "");
  const ticks = boxes.map((box) => make("div", { class: "tick" }, box, make("label", { for: box.id, dir: "auto" }, box.value)));
  const legend = make("legend", { dir: "auto" }, field.text ?? "", field.isRequired && make("span", { class: "star", "aria-hidden": "true" }, " *"));
  const node = make("fieldset", { class: "field", testid, change: judge }, legend, ticks);
  judge();
  return { node, read: () => [picked().join(", "), picked()] };
}

const KINDS = { [YES_NO]: yesNo, [MULTIPLE_CHOICE]: multipleChoice, [SINGLE_CHOICE]: singleChoice };

// {node, response()} for one field; a kind that is not known is a text.
export function question(field, prefix) {
  const id = field.customRegistrationFieldId;
  const { node, read } = (KINDS[field.type] ?? text)(field, `${prefix}-${id}`, `question-${id}`);
  return {
    node,
    response: () => {
      const [value, values] = read();
      return { id, value, values };
    },
  };
}
