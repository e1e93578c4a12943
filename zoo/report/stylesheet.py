"""How the page looks: on a light screen, on a dark one, on paper."""

STYLESHEET = """
:root { --paper: #fff; --ink: #1c1f24; --muted: #5c666f; --rule: #dfe3e6; --shade: #f5f6f7; --accent: #0072b2; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #171717; --ink: #e4e6e8; --muted: #9aa3ab; --rule: #34383c; --shade: #212325; --accent: #56a3d9; }
  img { filter: invert(.91) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; }
body { margin: 0 auto; max-width: 1008px; padding: 3rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums lining-nums; overflow-wrap: break-word; }
header { border-bottom: 2px solid var(--ink); padding-bottom: 1.1rem; }
header p { max-width: none; margin: 0; color: var(--muted); }
.kicker { color: var(--accent); font-weight: 600; letter-spacing: .02em; }
h1 { margin: .1rem 0 .4rem; font-size: 2.1rem; line-height: 1.15; letter-spacing: -.015em; }
h2 { margin: 2.6rem 0 .9rem; font-size: 1.15rem; letter-spacing: -.005em; }
p { margin: .6rem 0; max-width: 46rem; }
.columns { display: flex; flex-wrap: wrap; gap: 1rem 4rem; align-items: flex-start; }
.wide { overflow-x: auto; }
.content { display: flex; flex-wrap: wrap; gap: 1.4rem 2.6rem; align-items: flex-start; }
.content > * { max-width: 100%; }
table { border-collapse: collapse; }
th, td { padding: .3rem 0 .3rem 1.6rem; text-align: right; vertical-align: baseline; white-space: nowrap;
  border-bottom: 1px solid var(--rule); font-weight: 400; }
th:first-child, .words th, .words td { text-align: left; }
th:first-child { padding-left: 0; padding-right: .6rem; white-space: normal; max-width: 24rem; }
.texts th, .texts td { white-space: normal; unicode-bidi: plaintext; vertical-align: top; }
tbody td:nth-child(2) { font-weight: 600; }
.content tbody td, .words tbody td { font-weight: 400; }
thead th { color: var(--muted); font-size: .87em; border-bottom-color: var(--muted); }
.note, figcaption, footer { color: var(--muted); font-size: .87em; }
.none { color: var(--muted); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 0 2.2rem; margin: 0;
  flex: 1 1 20rem; }
dl div { display: flex; justify-content: space-between; gap: 1rem; padding: .3rem 0;
  border-bottom: 1px solid var(--rule); }
dt { color: var(--muted); }
dd { min-width: 0; margin: 0; text-align: right; }
figure { margin: 0; }
figcaption { max-width: 46rem; margin-top: .3rem; }
img { display: block; max-width: 100%; height: auto; }
pre, code { font: .9em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: 0; padding: .8rem 1rem; background: var(--shade); border-radius: 6px; white-space: pre-wrap; }
summary { cursor: pointer; margin-bottom: .6rem; color: var(--accent); }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--rule); }
@media print {
  @page { margin: 16mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2 { break-after: avoid; }
  figure, tr, dl div { break-inside: avoid; }
  details pre { columns: 3; font-size: 7.5pt; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
