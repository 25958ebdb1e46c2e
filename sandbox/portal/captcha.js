// The human-interaction proof of the old API: a foreign script that draws a challenge and hands out its solution.

import { ApiError, ask } from "./api.js";
import { make } from "./dom.js";

const PLACE = "ispHIPHIP"; // the script looks for this id

// Draws a challenge into `box`; answers {hipObject()}, which solves it as the visitor typed it.
export async function showCaptcha(eventBase, box) {
  const challenge = await ask(`${eventBase}/captcha`);
  box.append(make("fieldset", { testid: "captcha" }, make("legend", {}, "Are you a person?"), make("div", { id: PLACE })));
  await new Promise((resolve, reject) => {
    const failed = () => reject(new ApiError("The captcha could not be loaded."));
    document.head.append(make("script", { src: challenge.HipUrl, load: resolve, error: failed }));
  });
  return {
    hipObject: () =>
      new Promise((resolve) => {
        const proof = window[challenge.ObjectName];
        const take = (Solution, Token) => resolve({ Solution, Token, Type: proof.type, FlowId: challenge.FlowId });
        proof.verify(take, "");
      }),
  };
}
