// Settings of this browser: kept where it keeps things, and at their defaults where it does not.

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
    // Storage is full or forbidden: the setting lasts as long as the page.
  }
}

// The hooks are called with the new value of the setting of their name, and once at the start.
export function makeSettings(project, hooks) {
  const settings = {};
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
      hooks[name]?.(box.checked);
    });
  }
  return settings;
}
