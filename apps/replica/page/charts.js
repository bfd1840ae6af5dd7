import { namesSeconds, timeStep } from './axis.js';
import { byId, setAttribute, setText } from './elements.js';
import { bytes, count, duration, short } from './format.js';
import uPlot from './uplot.js';

/** Seconds that are drawn. */
const WINDOW = 600;
const LEAST = 60;
const HEIGHT = 180;
/** Steps of an axis. */
const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);
const TIMES = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400,
];
/** Samples that a speed is told of: one alone jumps. */
const SMOOTH = 3;

/** Throughput and lag of the last ten minutes. */
export class Charts {
  #columns = { time: [], stream: [], commands: [], snapshots: [], lagBytes: [], lagSeconds: [] };
  #unit = 'lagSeconds';
  #throughput;
  #lag;

  constructor() {
    this.#draw();
    for (const input of document.querySelectorAll('input[name="lag-unit"]')) {
      input.addEventListener('change', () => {
        this.#unit = input.value;
        this.#draw();
        this.#update();
      });
    }
    // A canvas has its colours from when it was drawn.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#draw();
      this.#update();
    });
    const resize = new ResizeObserver(() => {
      for (const [id, chart] of [
        ['throughput', this.#throughput],
        ['lag', this.#lag],
      ]) {
        const { clientWidth: width } = byId(id);
        if (width > 0 && width !== chart.width) chart.setSize({ width, height: HEIGHT });
      }
    });
    resize.observe(byId('throughput'));
    resize.observe(byId('lag'));
  }

  /** Bytes per second of late. */
  get rate() {
    const { stream, snapshots } = this.#columns;
    return speed(this.#columns, (i) => stream[i] + snapshots[i]);
  }

  restart(columns) {
    this.#columns = columns;
    this.#update();
  }

  add({ now, link: { received }, lag }) {
    const { time, stream, commands, snapshots, lagBytes, lagSeconds } = this.#columns;
    // The daemon's clock was set back: its history begins anew too. The first report may be a little older than it.
    if (now < time.at(-1) - 1000)
      for (const column of Object.values(this.#columns)) column.length = 0;
    // What is told first is in the history already.
    if (time.length > 0 && now - time.at(-1) < 500) return;
    time.push(now);
    stream.push(received.stream);
    commands.push(received.commands);
    snapshots.push(received.snapshots);
    lagBytes.push(lag.bytes);
    lagSeconds.push(lag.seconds);
    for (const column of Object.values(this.#columns))
      if (column.length > WINDOW + 1) column.shift();
    this.#update();
  }

  #draw() {
    this.#throughput?.destroy();
    this.#lag?.destroy();
    this.#throughput = chart('throughput', bytesPerSecond, '--flow', {
      steps: BINARY,
      least: 1024,
    });
    this.#lag =
      this.#unit === 'lagBytes'
        ? chart('lag', bytes, '--late', { steps: BINARY, least: 1024 })
        : chart('lag', duration, '--late', { steps: TIMES, least: 1 });
  }

  #update() {
    const { time, stream, commands, snapshots } = this.#columns;
    const seconds = time.map((each) => each / 1000);
    const rates = speeds(time, (i) => stream[i] + snapshots[i]);
    this.#throughput.setData([seconds, rates]);
    const lag = this.#columns[this.#unit];
    this.#lag.setData([seconds, lag]);
    setText(byId('throughput-now'), bytesPerSecond(this.rate));
    setText(byId('commands-now'), `${count(speed(this.#columns, (i) => commands[i]))} commands/s`);
    const print = this.#unit === 'lagBytes' ? bytes : duration;
    setText(byId('lag-now'), print(lag.at(-1)));
    describe('throughput', 'Throughput', rates, bytesPerSecond);
    describe('lag', 'Lag', lag, print);
  }
}

function bytesPerSecond(value) {
  return `${bytes(value)}/s`;
}

function speeds(time, counted) {
  return time.map((each, i) => {
    if (i === 0) return null;
    const grown = counted(i) - counted(i - 1);
    const took = (each - time[i - 1]) / 1000;
    return grown < 0 || took <= 0 ? null : grown / took;
  });
}

function speed({ time }, counted) {
  const last = time.length - 1;
  const first = Math.max(0, last - SMOOTH);
  if (last <= first) return 0;
  return Math.max(0, ((counted(last) - counted(first)) * 1000) / (time[last] - time[first]));
}

/** What is drawn, in words. */
function describe(id, what, values, print) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const text =
    known.length === 0
      ? `${what}: nothing is known yet`
      : `${what} of the last ten minutes: now ${print(known.at(-1))}, at most ${print(Math.max(...known))}`;
  setAttribute(byId(id), 'aria-label', text);
}

function chart(id, print, colour, { steps, least }) {
  const place = byId(id);
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: of('--quiet'),
    font: '11px system-ui, sans-serif',
    ticks: { show: false },
  };
  const grid = { stroke: of('--edge'), width: 1 };
  const options = {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    padding: [8, 28, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (plot) => windowOf(plot.data[0]) },
      y: { range: (_, __, max) => [0, Math.max((max ?? 0) * 1.15, least)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        space: 1,
        incrs: (_, __, from, to, width) => [timeStep(to - from, width)],
        values: (_, splits, __, ___, step) => splits.map((at) => timeOf(at, namesSeconds(step))),
      },
      {
        ...axis,
        grid,
        size: 72,
        space: 34,
        incrs: steps,
        values: (_, splits) => splits.map((value) => (value === 0 ? '0' : short(print(value)))),
      },
    ],
    series: [
      {},
      {
        stroke: of(colour),
        fill: `${of(colour)}26`,
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      },
    ],
    hooks: { setCursor: [(plot) => tell(plot, print)] },
  };
  const plot = new uPlot(options, [[], []], place);
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  plot.over.append(tip);
  plot.tip = tip;
  return plot;
}

/**
 * What is drawn of time: all that there is, a minute at the least and ten at most. By the clock of who tells,
 * which may be another than this one.
 */
function windowOf(times) {
  const [first] = times;
  const now = times.at(-1) ?? Date.now() / 1000;
  return [Math.max(now - WINDOW, Math.min(first ?? now, now - LEAST)), now];
}

function timeOf(at, hasSeconds) {
  const part = '2-digit';
  const parts = { hour: part, minute: part, ...(hasSeconds ? { second: part } : {}) };
  return new Date(at * 1000).toLocaleTimeString([], { ...parts, hour12: false });
}

/** What is under the pointer. */
function tell(plot, print) {
  const { idx, left } = plot.cursor;
  const value = idx === null || idx === undefined ? undefined : plot.data[1][idx];
  if (plot.tip === undefined) return;
  plot.tip.hidden = value === undefined || value === null || left < 0;
  if (plot.tip.hidden) return;
  setText(
    plot.tip,
    `${print(value)} at ${new Date(plot.data[0][idx] * 1000).toLocaleTimeString([], { hour12: false })}`,
  );
  plot.tip.classList.toggle('left', left > plot.over.clientWidth / 2);
  plot.tip.style.setProperty('--x', `${left}px`);
}
