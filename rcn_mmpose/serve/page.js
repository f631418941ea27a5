'use strict';

const at = (id) => document.getElementById(id);
const LEAST = 5;  // sides of a drawn box, in pixels of the screen
let limits = null;
let starting = null;  // the promise of the limits
let image = null;  // the file of the user
let boxes = [];  // drawn around faces: x1, y1, x2, y2 in pixels of the image
let shown = null;  // the answer that is shown
let asked = 0;  // number of the last request; older answers are not shown

function start() {
  starting ??= begin().catch((error) => {
    starting = null;  // The next image tries again.
    throw error;
  });
  return starting;
}

async function begin() {
  limits = await ask('model');
  for (const { model } of limits.models) {
    at('models').append(new Option(model));
  }
  at('choice').hidden = limits.models.length === 1;
  at('limits').textContent = `${limits.formats.join(', ')}; ` +
    `at most ${limits.most_bytes / 2 ** 20} MiB`;
  at('file').accept = [...limits.kinds, ...limits.endings].join(',');
  describe();
}

function describe() {
  const { model, keypoints, radius, side, licence } = chosen();
  at('model').textContent = `${model}, ${keypoints} keypoints`;
  at('licence').textContent =
    `; licence of the weights: ${licence || 'not stated'}`;
  at('meaning').textContent = 'the probability that a keypoint lies within ' +
    `${radius} pixels of the face's ${side}x${side} crop`;
}

const chosen = () => limits.models[Math.max(0, at('models').selectedIndex)];

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error('The server does not answer. Check that rcn-mmpose serve ' +
      'still runs, then try again.');
  }
  const content = await answer.json().catch(() => null);
  if (!answer.ok || !content) {
    throw new Error(content?.error ||
      `The answer of the server is incomplete (status ${answer.status}). ` +
      'Try again.');
  }
  return content;
}

function say(text, wrong = false) {
  at('status').textContent = text;
  at('status').classList.toggle('error', wrong);
}

function allowSaving(allowed) {
  for (const id of ['image', 'json', 'csv']) at(id).disabled = !allowed;
}

function clear() {
  shown = null;
  at('result').hidden = true;
}

function query() {
  const found = new URLSearchParams({
    // The server accepts 255 characters. The end of a long name tells more.
    name: image.name.slice(-255),
    model: chosen().model,
    ellipses: at('ellipses').checked ? 1 : 0,
    detect: at('detect').checked ? 1 : 0,
  });
  for (const box of boxes) found.append('face', box.join());
  return found;
}

async function predict() {
  if (!image) return;
  const number = ++asked;
  stopDrawing();
  allowSaving(false);
  at('again').hidden = true;
  at('result').setAttribute('aria-busy', true);
  say(`${image.name}: predicting ...`);
  try {
    await start();
    if (image.size > limits.most_bytes) {
      throw new Error(`The image has ${image.size} bytes; send at most ` +
        `${limits.most_bytes}. Make the image smaller.`);
    }
    await image.slice(0, 1).arrayBuffer().catch(() => {
      throw new Error('The file cannot be read: it is a folder, or it was ' +
        'moved or changed. Choose it again.');
    });
    const found = await ask(`predict?${query()}`,
      { method: 'POST', body: image });
    if (number === asked) show(found);
  } catch (error) {
    if (number !== asked) return;
    clear();
    at('again').hidden = false;
    say(`${image.name}: ${error.message}`, true);
  }
}

function show(found) {
  shown = found;
  const { coco, drawn, seconds } = found;
  const faces = coco.annotations;
  const reasons = coco.failures.map(({ face, reason }) =>
    face === null ? reason : `Box ${face}: ${reason}`);
  say([
    `${image.name}: ${faces.length} ${faces.length === 1 ? 'face' : 'faces'}`,
    `in ${seconds.toFixed(2)} s.`, ...reasons,
  ].join(' '), reasons.length > 0);
  at('drawn').src = drawn;
  at('drawn').alt = `${image.name} with the keypoints of its faces`;
  at('result').hidden = false;
  at('result').removeAttribute('aria-busy');
  at('undo').disabled = boxes.length === 0;
  allowSaving(true);
  at('faces').replaceChildren(...faces.map(listed));
  at('marks').replaceChildren();
  for (const id of ['heading', 'faces']) at(id).hidden = faces.length === 0;
}

// One line for each face; its keypoints on demand.
function listed(face, i) {
  const item = document.createElement('details');
  const line = document.createElement('summary');
  const text = document.createElement('span');
  text.textContent = `face ${i}: confidence ${face.score.toFixed(2)}`;
  line.append(text, meter(face.score));
  item.append(line);
  const mark = document.createElement('div');
  item.addEventListener('toggle', () => {
    if (!item.open) {
      mark.remove();
      return;
    }
    if (!item.querySelector('table')) item.append(table(face));
    const [x, y, width, height] = face.bbox;
    place(mark, x, y, x + width, y + height);
    at('marks').append(mark);
  });
  return item;
}

function table(face) {
  const made = document.createElement('table');
  const head = made.createTHead().insertRow();
  for (const title of ['keypoint', 'x', 'y', 'confidence']) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = title;
    head.append(cell);
  }
  const body = made.createTBody();
  shown.coco.categories[0].keypoints.forEach((name, k) => {
    const row = body.insertRow();
    row.insertCell().textContent = name;
    for (const value of face.keypoints.slice(3 * k, 3 * k + 2)) {
      row.insertCell().textContent = value.toFixed(1);
    }
    const confidence = face.keypoint_scores[k];
    row.insertCell().append(confidence.toFixed(3), ' ', meter(confidence));
  });
  return made;
}

function meter(value) {
  const made = document.createElement('meter');
  made.value = value;
  made.setAttribute('aria-hidden', true);  // The number is beside it.
  return made;
}

// ------------------------------------------------------------ boxes by hand

// (0, 0) is the centre of the first pixel, so the image starts at -0.5.
function place(mark, x1, y1, x2, y2) {
  const { width, height } = shown.coco.images[0];
  mark.style.left = `${100 * (x1 + 0.5) / width}%`;
  mark.style.top = `${100 * (y1 + 0.5) / height}%`;
  mark.style.width = `${100 * (x2 - x1) / width}%`;
  mark.style.height = `${100 * (y2 - y1) / height}%`;
}

let first = null;  // where the pointer went down, in pixels of the image

function position(event) {
  const { width, height } = shown.coco.images[0];
  const area = at('drawn').getBoundingClientRect();
  const part = (value, low, size) =>
    Math.min(Math.max((value - low) / size, 0), 1);
  return [
    part(event.clientX, area.left, area.width) * width - 0.5,
    part(event.clientY, area.top, area.height) * height - 0.5,
  ];
}

function spanned(event) {
  const [x, y] = position(event);
  return [
    Math.min(first[0], x), Math.min(first[1], y),
    Math.max(first[0], x), Math.max(first[1], y),
  ].map((value) => Number(value.toFixed(2)));
}

function startDrawing() {
  at('stage').classList.add('drawing');
  at('draw').setAttribute('aria-pressed', true);
  say('Drag over a face, from the eyebrows to the chin and from ear to ear. ' +
    'Escape stops.');
}

function stopDrawing() {
  first = null;
  at('rubber').hidden = true;
  at('stage').classList.remove('drawing');
  at('draw').setAttribute('aria-pressed', false);
}

const isDrawing = () => at('stage').classList.contains('drawing');

function add(box) {
  if (boxes.length === limits.most_boxes) {
    say(`${boxes.length} boxes are drawn, and no more are possible. Remove ` +
      'the last box.', true);
    return;
  }
  boxes.push(box);
  predict();
}

at('draw').addEventListener('click', () => {
  if (isDrawing()) {
    stopDrawing();
    say('');
  } else {
    startDrawing();
  }
});
at('undo').addEventListener('click', () => {
  boxes.pop();
  predict();
});
at('stage').addEventListener('pointerdown', (event) => {
  if (!isDrawing() || !event.isPrimary || event.button !== 0) return;
  event.preventDefault();
  at('stage').setPointerCapture(event.pointerId);
  first = position(event);
  place(at('rubber'), ...spanned(event));
  at('rubber').hidden = false;
});
at('stage').addEventListener('pointermove', (event) => {
  if (first && event.isPrimary) place(at('rubber'), ...spanned(event));
});
at('stage').addEventListener('pointerup', (event) => {
  if (!first || !event.isPrimary) return;
  const box = spanned(event);
  const { width, height } = at('rubber').getBoundingClientRect();
  stopDrawing();
  if (Math.min(width, height) < LEAST) {
    startDrawing();
    say('This box is too small. Press at one corner of the face and drag to ' +
      'the opposite corner.', true);
  } else {
    add(box);
  }
});
at('stage').addEventListener('pointercancel', () => {
  if (first) stopDrawing();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && isDrawing()) {
    stopDrawing();
    say('');
  }
});
at('numbers').addEventListener('submit', (event) => {
  event.preventDefault();
  const box = ['left', 'top', 'right', 'bottom'].map(
    (name) => event.target.elements[name].valueAsNumber);
  if (box[0] < box[2] && box[1] < box[3]) {
    add(box);
  } else {
    say('Left must be less than right, and top less than bottom.', true);
  }
});

// ----------------------------------------------------------- files in and out

function save(content, ending) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content]));
  link.download = image.name.replace(/\.[^.]*$/, '') + ending;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function bytes(url) {
  return Uint8Array.from(atob(url.split(',')[1]), (c) => c.charCodeAt(0));
}

function take(files) {
  if (files.length > 1) {
    say(`${files.length} files; give one image at a time.`, true);
  } else if (files.length === 0) {
    say('There is no file in what was dropped or pasted. Give an image file.',
      true);
  } else {
    image = files[0];
    boxes = [];
    clear();
    predict();
  }
}

for (const event of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(event, (e) => {
    e.preventDefault();  // The browser would open the image instead of the page.
    at('drop').classList.toggle('over', event === 'dragover');
    if (event === 'drop') take(e.dataTransfer.files);
  });
}
document.addEventListener('paste', (e) => {
  if (!e.target.closest?.('input')) take(e.clipboardData.files);
});
at('file').addEventListener('change', (e) => {
  if (e.target.files.length) take([...e.target.files]);
  e.target.value = '';  // The same file can be chosen again.
});
for (const id of ['ellipses', 'detect']) {
  at(id).addEventListener('change', predict);
}
at('again').addEventListener('click', predict);
at('models').addEventListener('change', () => {
  describe();
  predict();
});
at('image').addEventListener('click',
  () => save(bytes(shown.drawn), '-keypoints.jpg'));
at('json').addEventListener('click',
  () => save(JSON.stringify(shown.coco), '.json'));
at('csv').addEventListener('click', () => save(shown.csv, '.csv'));
start().catch((error) => say(error.message, true));
