// Settings of this browser, in its storage if it has one.

const DEFAULTS = { autoplay: true, even: true, keys: true, linear: false };

function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage is full or blocked: the setting lasts as long as the page.
  }
}

export function makeSettings(project) {
  const watchers = {};
  const settings = {
    // Call a function with each new value of a setting.
    watch(name, action) {
      watchers[name] = action;
    },
  };
  let person = read(`skal-person:${project}`);
  Object.defineProperty(settings, "person", {
    get: () => person,
    set(name) {
      person = name;
      write(`skal-person:${project}`, name);
    },
  });
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const stored = read(`skal-set:${name}`);
    settings[name] = stored === null ? standard : stored === "true";
    const box = document.getElementById(`set-${name}`);
    box.checked = settings[name];
    box.addEventListener("change", () => {
      settings[name] = box.checked;
      write(`skal-set:${name}`, String(box.checked));
      watchers[name]?.(box.checked);
    });
  }
  return settings;
}
