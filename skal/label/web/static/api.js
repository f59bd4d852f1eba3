// The API of the server. Every failure is an ApiError with a readable message.

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  // Whether the same request may succeed later: the server is gone, busy, full, or needs a token.
  get mayPass() {
    return this.status === 0 || this.status === 401 || this.status === 423 || this.status >= 500;
  }
}

const TIMEOUT = 15000; // in ms

export async function call(path, { params = null, body = null } = {}) {
  const url = params ? `${path}?${new URLSearchParams(params)}` : path;
  const options = { signal: AbortSignal.timeout(TIMEOUT), cache: "no-store" };
  if (body) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  let content;
  try {
    response = await fetch(url, options);
    content = response.status === 204 ? null : await response.json();
  } catch (error) {
    if (response && response.status >= 400) {
      throw new ApiError(response.status, "unknown", `The server answers with status ${response.status}.`);
    }
    throw new ApiError(0, "offline", "The server does not answer.");
  }
  if (!response.ok) {
    const { code = "unknown", message = `The server answers with status ${response.status}.` } = content?.error ?? {};
    throw new ApiError(response.status, code, message);
  }
  return content;
}

// Send a message while the page is left, without waiting for the answer.
export function hand(path, body) {
  navigator.sendBeacon(path, new Blob([JSON.stringify(body)], { type: "application/json" }));
}

// The server lowers the pitch of slowed sounds, which makes ultrasound audible.
export const audioUrl = (clip, slow = 1) =>
  `api/clips/${clip}/audio${slow === 1 ? "" : `?slow=${slow}`}`;

export const clipUrl = (clip) => `api/clips/${clip}`;

export const pictureUrl = (clip, look) =>
  `api/clips/${clip}/spectrogram.png?${new URLSearchParams(look)}`;

// crypto.randomUUID needs https or localhost, which local networks often lack.
export function uniqueKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
