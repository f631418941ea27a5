'use strict';

const at = (id) => document.getElementById(id);
const texts = {};  // the contents of the files to save, by ending
let limits = null;
let image = null;  // the file of the user
let asked = 0;  // number of the last request; older answers are not shown

async function start() {
  limits = await ask('model');
  const kinds = limits.kinds.map((kind) => kind.split('/')[1].toUpperCase());
  const most = limits.most_bytes / 2 ** 20;
  at('model').textContent = `${limits.model}, ${limits.keypoints} keypoints`;
  at('limits').textContent = `${kinds.join(', ')}; at most ${most} MiB`;
  at('file').accept = limits.kinds.join(',');
  at('meaning').textContent = 'the probability that a keypoint lies within ' +
    `${limits.radius} pixels of the face's ${limits.side}x${limits.side} crop`;
}

async function ask(path, options) {
  const answer = await fetch(path, options);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

function say(text, wrong = false) {
  at('status').textContent = text;
  at('status').classList.toggle('error', wrong);
}

function clear() {
  for (const id of ['result', 'table']) at(id).hidden = true;
  for (const id of ['json', 'csv']) at(id).disabled = true;
}

async function predict() {
  if (!image) return;
  const number = ++asked;
  const query = new URLSearchParams({
    // The server accepts 255 characters. The end of a long name tells more.
    name: image.name.slice(-255),
    ellipses: at('ellipses').checked ? 1 : 0,
  });
  clear();
  say(`${image.name}: predicting ...`);
  try {
    if (image.size > limits.most_bytes) {
      throw new Error(`The image has ${image.size} bytes; send at most ` +
        `${limits.most_bytes}. Make the image smaller.`);
    }
    const found = await ask(`predict?${query}`,
      { method: 'POST', body: image });
    if (number === asked) show(found);
  } catch (error) {
    if (number === asked) say(`${image.name}: ${error.message}`, true);
  }
}

function show({ coco, csv, drawn, seconds }) {
  const faces = coco.annotations;
  const reasons = coco.failures.map((failure) => failure.reason);
  say([
    `${image.name}: ${faces.length} ${faces.length === 1 ? 'face' : 'faces'}`,
    `in ${seconds.toFixed(2)} s.`, ...reasons,
  ].join(' '), reasons.length > 0);
  at('drawn').src = drawn;
  at('drawn').alt = `${image.name} with the keypoints of its faces`;
  at('result').hidden = false;
  texts.json = JSON.stringify(coco);
  texts.csv = csv;
  for (const id of ['json', 'csv']) at(id).disabled = false;
  const rows = faces.flatMap((face, i) =>
    coco.categories[0].keypoints.map((name, k) => row(
      [i, name, face.keypoints[3 * k].toFixed(1),
        face.keypoints[3 * k + 1].toFixed(1)],
      face.keypoint_scores[k])));
  at('table').tBodies[0].replaceChildren(...rows);
  at('table').hidden = faces.length === 0;
}

function row(cells, confidence) {
  const line = document.createElement('tr');
  for (const cell of [...cells, confidence.toFixed(3)]) {
    line.insertCell().textContent = cell;
  }
  const meter = document.createElement('meter');
  meter.value = confidence;
  line.insertCell().append(meter);
  return line;
}

function save(ending) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([texts[ending]]));
  link.download = `${image.name.replace(/\.[^.]*$/, '')}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function take(files) {
  if (files.length > 1) {
    say(`${files.length} files; give one image at a time.`, true);
  } else if (files.length) {
    image = files[0];
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
at('file').addEventListener('change', (e) => take(e.target.files));
at('ellipses').addEventListener('change', predict);
for (const ending of ['json', 'csv']) {
  at(ending).addEventListener('click', () => save(ending));
}
start().catch((error) => say(error.message, true));
