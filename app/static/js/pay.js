// Opens WeChat's payment dialog; whatever it answers, the server asks WeChat itself.
"use strict";
(() => {
  const root = document.querySelector("[data-jsapi]");
  if (!root) return;
  const back = () => location.assign(root.dataset.back);
  const open = () => WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(root.dataset.jsapi), back);
  const pay = root.querySelector("[data-pay]");
  pay.disabled = false; // until now a press would have been lost
  pay.addEventListener("click", () => {
    if (typeof WeixinJSBridge !== "undefined") {
      open();
      return;
    }
    // WeChat puts its bridge into the page a moment after loading; elsewhere it never comes
    const wait = setTimeout(back, 3000);
    document.addEventListener(
      "WeixinJSBridgeReady",
      () => {
        clearTimeout(wait);
        open();
      },
      { once: true },
    );
  });
})();
