// Opens WeChat's payment dialog; whatever it answers, the server asks WeChat itself.
"use strict";
(() => {
  const root = document.querySelector("[data-jsapi]");
  if (!root) return;
  const back = () => location.assign(root.dataset.back);
  root.querySelector("[data-pay]").addEventListener("click", () => {
    if (typeof WeixinJSBridge === "undefined") {
      back();
      return;
    }
    WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(root.dataset.jsapi), back);
  });
})();
