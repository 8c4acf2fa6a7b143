#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Draws what tests/bench/forward --json wrote: cost against receivers, and latency against load.
// node tests/bench/plot.mjs FIGURES.json OUT.svg
import { readFileSync, writeFileSync } from 'node:fs';

const [input, output] = process.argv.slice(2);
if (!output) {
    console.error('node tests/bench/plot.mjs FIGURES.json OUT.svg');
    process.exit(2);
}
const run = JSON.parse(readFileSync(input, 'utf8'));

const WIDTH = 760;
const HEIGHT = 330;
const LEFT = 60;
const RIGHT = 170;
const TOP = 40;
const BOTTOM = 50;
const LABEL_APART = 40; // between two numbers below
const CARRIED_LOSS = 1; // %, of the median round: over it the figures are of what came through, and not drawn
const COLOURS = { assize: '#0b5cad', 'assize-record': '#5a9bd5', floor: '#777777', janus: '#c2410c', 'janus-debian': '#7c2d12' };

const escape = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;');

// Round numbers from 0 to at least `most`.
function ticks(most) {
    const raw = most / 5;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find((n) => n * unit >= raw);
    return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

// One chart at `top`: series of {name, colour, dashed, points: [{x, y, least, most}]}, x on a log scale.
function chart(top, title, xTitle, yTitle, series) {
    const points = series.flatMap((s) => s.points);
    if (points.length === 0) return '';
    const xs = [...new Set(points.map((p) => p.x))].sort((a, b) => a - b);
    const [low, high] = [Math.log(xs[0]), Math.log(xs.at(-1))];
    const marks = ticks(Math.max(...points.map((p) => p.most ?? p.y)));
    const width = WIDTH - LEFT - RIGHT;
    const height = HEIGHT - TOP - BOTTOM;
    const x = (v) => LEFT + (high > low ? ((Math.log(v) - low) / (high - low)) * width : width / 2);
    const y = (v) => top + TOP + height * (1 - v / marks.at(-1));
    const out = [`<text x="${LEFT}" y="${top + 20}" font-size="15" font-weight="bold">${escape(title)}</text>`];
    for (const v of marks) {
        out.push(`<line x1="${LEFT}" x2="${LEFT + width}" y1="${y(v)}" y2="${y(v)}" stroke="#ddd"/>`);
        out.push(`<text x="${LEFT - 6}" y="${y(v) + 4}" text-anchor="end">${Number(v.toPrecision(4))}</text>`);
    }
    let labelled = -Infinity;
    for (const v of xs) {
        out.push(`<line x1="${x(v)}" x2="${x(v)}" y1="${top + TOP + height}" y2="${top + TOP + height + 4}" stroke="#777"/>`);
        if (x(v) - labelled < LABEL_APART) continue;
        labelled = x(v);
        out.push(`<text x="${x(v)}" y="${top + TOP + height + 17}" text-anchor="middle">${v}</text>`);
    }
    out.push(`<text x="${LEFT + width / 2}" y="${top + HEIGHT - 14}" text-anchor="middle">${escape(xTitle)}</text>`);
    out.push(`<text transform="translate(14 ${top + TOP + height / 2}) rotate(-90)" text-anchor="middle">${escape(yTitle)}</text>`);
    series.forEach((s, i) => {
        const line = s.points.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`).join(' ');
        const dash = s.dashed ? ' stroke-dasharray="5 4"' : '';
        out.push(`<polyline points="${line}" fill="none" stroke="${s.colour}" stroke-width="2"${dash}/>`);
        for (const p of s.points) {
            if (p.least !== undefined)
                out.push(`<line x1="${x(p.x)}" x2="${x(p.x)}" y1="${y(p.least)}" y2="${y(p.most)}" stroke="${s.colour}"/>`);
            out.push(`<circle cx="${x(p.x)}" cy="${y(p.y)}" r="3" fill="${s.colour}"/>`);
        }
        const at = top + TOP + 12 + i * 18;
        out.push(`<line x1="${LEFT + width + 14}" x2="${LEFT + width + 38}" y1="${at - 4}" y2="${at - 4}" stroke="${s.colour}" stroke-width="2"${dash}/>`);
        out.push(`<text x="${LEFT + width + 44}" y="${at}">${escape(s.name)}</text>`);
    });
    return out.join('\n');
}

const isCarried = (server) => !(server?.loss_percent?.median > CARRIED_LOSS);

// A figure of each server over the loads: x is what `at` says of a load.
function seriesOf(loads, figure, at, options = {}) {
    const names = [...new Set(loads.flatMap((l) => l.servers.map((s) => s.name)))];
    return names
        .map((name) => ({
            name: options.label ? `${name} ${options.label}` : name,
            colour: COLOURS[name] ?? '#000000',
            dashed: options.dashed,
            points: loads
                .map((load) => ({ load, server: load.servers.find((s) => s.name === name) }))
                .filter(({ server }) => server?.[figure] && isCarried(server))
                .map(({ load, server }) => ({ load, figure: server[figure] }))
                .map(({ load, figure: f }) => ({
                    x: at(load), y: f.median,
                    ...(options.ranges ? { least: Math.min(...f.rounds), most: Math.max(...f.rounds) } : {}),
                }))
                .sort((a, b) => a.x - b.x),
        }))
        .filter((s) => s.points.length > 0);
}

const oneToMany = run.loads.filter((l) => l.name.startsWith('1to') || l.name === 'receivers');
const byReceivers = (l) => l.receivers;
const byLoad = (l) => l.forwards_per_s;
const parts = [
    chart(0, 'CPU seconds of the server per million packets: 1 publisher', 'receivers', 'CPU s, median and range',
        seriesOf(oneToMany, 'cpu_s_per_million', byReceivers, { ranges: true })),
    chart(HEIGHT, 'Latency added by the server, all loads', 'packets forwarded a second', 'ms, median of rounds', [
        ...seriesOf(run.loads, 'latency_p50_ms', byLoad, { label: 'p50' }),
        ...seriesOf(run.loads, 'latency_p99_ms', byLoad, { label: 'p99', dashed: true }),
    ]),
];
const lost = {};
for (const { name, servers } of run.loads)
    for (const server of servers.filter((s) => !isCarried(s))) (lost[server.name] ??= []).push(name);
const missing = Object.entries(lost).map(([server, loads]) => `${server} (${loads.join(', ')})`).join(', ');
const note = `${run.date.slice(0, 10)}, ${run.machine}, Linux ${run.kernel}, ${run.network}, ${run.seconds} s a round`;
writeFileSync(output, `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${2 * HEIGHT + 42}" viewBox="0 0 ${WIDTH} ${2 * HEIGHT + 42}" font-family="sans-serif" font-size="12">
<!-- SPDX-License-Identifier: Apache-2.0; drawn by tests/bench/plot.mjs -->
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join('\n')}
<text x="${LEFT}" y="${2 * HEIGHT + 14}" fill="#555">${escape(note)}</text>
<text x="${LEFT}" y="${2 * HEIGHT + 32}" fill="#555">${missing && escape(`Over ${CARRIED_LOSS} % lost, not drawn: ${missing}`)}</text>
</svg>
`);
