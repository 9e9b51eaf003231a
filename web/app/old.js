// For browsers that do not know modules: says so, where the page would stay blank.
(function () {
  var main = document.querySelector("main");
  if (!main) return;
  main.textContent =
    "This browser is too old for the authenticator. Update it, or open this address with a current version of Chrome, Safari, Edge or Firefox.";
})();
