(() => {
"use strict";
const text = document.querySelector("textarea");
text.addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    text.form.requestSubmit();
  }
});
})();
