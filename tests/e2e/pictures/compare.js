// Runs in the browser that takes the pictures: PNG -> means of its cells -> how far they are from a reference.
// An even mean over whole pixels, so that no browser's own way of scaling is in it.
const pixels = async png => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), on = canvas.getContext("2d");
  on.drawImage(image, 0, 0);
  return on.getImageData(0, 0, image.width, image.height);
};

const coarse = (from, cell) => {
  const to = new ImageData(Math.floor(from.width / cell), Math.floor(from.height / cell));
  for (let y = 0; y < to.height; y++)
    for (let x = 0; x < to.width; x++) {
      const sums = [0, 0, 0], at = 4 * (y * to.width + x);
      for (let row = y * cell; row < (y + 1) * cell; row++)
        for (let column = x * cell; column < (x + 1) * cell; column++)
          for (let k = 0; k < 3; k++) sums[k] += from.data[4 * (row * from.width + column) + k];
      for (let k = 0; k < 3; k++) to.data[at + k] = Math.round(sums[k] / (cell * cell));
      to.data[at + 3] = 255;
    }
  return to;
};

const encoded = async image => {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({type: "image/png"})).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
};

// Each cell with its neighbours, the nearer the more: a line on the border of two cells looks like one within a cell.
const smooth = from => {
  const to = {width: from.width, height: from.height, data: new Float64Array(from.data.length)};
  for (let y = 0; y < from.height; y++)
    for (let x = 0; x < from.width; x++)
      for (let k = 0; k < 3; k++) {
        let sum = 0;
        for (let v = -1; v <= 1; v++)
          for (let u = -1; u <= 1; u++) {
            const row = Math.min(Math.max(y + v, 0), from.height - 1), column = Math.min(Math.max(x + u, 0), from.width - 1);
            sum += (2 - Math.abs(u)) * (2 - Math.abs(v)) * from.data[4 * (row * from.width + column) + k];
          }
        to.data[4 * (y * from.width + x) + k] = sum / 16;
      }
  return to;
};

// The cells about one, itself among them.
function* about(image, x, y, far) {
  for (let v = Math.max(y - far, 0); v <= Math.min(y + far, image.height - 1); v++)
    for (let u = Math.max(x - far, 0); u <= Math.min(x + far, image.width - 1); u++) yield 4 * (v * image.width + u);
}

// How far a cell of one is from the nearest in colour among its neighbours in the other: a cell's shift is none.
const apart = (one, other, x, y) => {
  const at = 4 * (y * one.width + x);
  let least = 255;
  for (const there of about(other, x, y, 1)) {
    let most = 0;
    for (let k = 0; k < 3; k++) most = Math.max(most, Math.abs(one.data[at + k] - other.data[there + k]));
    least = Math.min(least, most);
  }
  return least;
};

const contrast = (image, x, y) => {
  const low = [255, 255, 255], high = [0, 0, 0];
  for (const at of about(image, x, y, 2))
    for (let k = 0; k < 3; k++) {
      low[k] = Math.min(low[k], image.data[at + k]);
      high[k] = Math.max(high[k], image.data[at + k]);
    }
  return Math.max(...high.map((value, k) => value - low[k]));
};

// What a picture is in cells; and how far that is from the reference, if there is one: on average, and at worst in terms of what is let pass there,
// which is more beside letters than about a faint line.
const compared = async (png, cell, reference, flat, share) => {
  const small = coarse(await pixels(png), cell), drawn = await encoded(small), known = reference && await pixels(reference);
  if (!known || known.width !== small.width || known.height !== small.height) return {drawn, mean: 255, most: 255};
  const one = smooth(small), other = smooth(known), found = {drawn, mean: 0, most: 0};
  for (let y = 0; y < one.height; y++)
    for (let x = 0; x < one.width; x++) {
      const far = Math.max(apart(one, other, x, y), apart(other, one, x, y));
      if (far) {
        const times = far / (flat + share * Math.max(contrast(one, x, y), contrast(other, x, y)));
        if (times > found.most) Object.assign(found, {most: times, x: cell * x, y: cell * y});
      }
      found.mean += far / one.width / one.height;
    }
  return found;
};
