// The start of a page load: configuration, visitor, page.

import { readConfig } from "./config.js";
import { render } from "./router.js";
import { greet } from "./visitor.js";

await readConfig();
greet(render);
render();
addEventListener("hashchange", render);

// Its target would be taken for a route.
document.querySelector(".skip").addEventListener("click", (pressed) => {
  pressed.preventDefault();
  document.getElementById("main").focus();
});
