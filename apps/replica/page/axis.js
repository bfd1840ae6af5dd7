/** Seconds between two labels of a time axis. */
const STEPS = [5, 10, 15, 20, 30, 40, 60, 120, 180, 300, 600];
/** Pixels that a label of a time axis needs: `18:16:45`, and `18:16` from a step of a minute on. */
const WITH_SECONDS = 54;
const WITHOUT_SECONDS = 40;

/** The smallest step in seconds at which labels fit on an axis of `width` pixels that shows `seconds`. */
export function timeStep(seconds, width) {
  const fits = (step) => (step * width) / seconds >= labelWidth(step);
  return STEPS.find(fits) ?? STEPS.at(-1);
}

/** Whether the labels of a step name seconds. */
export function namesSeconds(step) {
  return step < 60;
}

function labelWidth(step) {
  return namesSeconds(step) ? WITH_SECONDS : WITHOUT_SECONDS;
}

/**
 * Of labels in the order of their importance those that overlap no more important one. Each is moved to
 * lie within `width`. `at` is where its middle belongs, `length` what it takes, in pixels.
 */
export function placeLabels(labels, width, gap) {
  const placed = [];
  for (const label of labels) {
    const { at, length } = label;
    const left = Math.min(Math.max(0, at - length / 2), width - length);
    const overlaps = placed.some(
      (other) => left < other.left + other.length + gap && left + length > other.left - gap,
    );
    if (!overlaps) placed.push({ ...label, left });
  }
  return placed;
}
