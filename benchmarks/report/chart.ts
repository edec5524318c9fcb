import { createRequire } from "node:module";
import { figure, findRow, readTable } from "./read-table.ts";

/** What is used of echarts. Its own types do not compile with `exactOptionalPropertyTypes`, and an import would check them. */
interface ECharts {
  readonly init: (
    element: null,
    theme: null,
    options: { renderer: "svg"; ssr: true; width: number; height: number },
  ) => { setOption: (option: object) => void; renderToSVGString: () => string; dispose: () => void };
}

const { init } = createRequire(import.meta.url)("echarts") as ECharts;

export type Theme = "light" | "dark";

interface Colors {
  readonly text: string;
  readonly line: string;
  readonly bars: Readonly<Record<string, string>>;
}

const COLORS: Record<Theme, Colors> = {
  light: { text: "#1f2328", line: "#d1d9e0", bars: { "SDK baseline": "#8c959f", "a2a-otel": "#0969da", OpenTelemetry: "#bf8700" } },
  dark: { text: "#e6edf3", line: "#3d444d", bars: { "SDK baseline": "#6e7681", "a2a-otel": "#4493f8", OpenTelemetry: "#d29922" } },
};

const CLIENTS = ["undici", "fetch", "axios", "got", "server"];
const AGENTS = ["SDK baseline", "a2a-otel", "OpenTelemetry"];
const SIZE = { width: 860, height: 300 };

/** Draws the tables of a whole agent and of own time per client as an SVG image. */
export function renderChart(results: string, theme: Theme): string {
  const { text, line, bars } = COLORS[theme];
  const agents = readTable(results, "A whole agent under load");
  const own = readTable(results, "Own time per call on a stub transport");
  const added = AGENTS.map((name) => Number(figure(findRow(agents, name), "added by tracing")));
  const ownTime = (column: string): number[] => CLIENTS.map((name) => Number(figure(findRow(own, name, "sampled"), column)));
  const label = { show: true, position: "top", color: text, fontSize: 11 };
  const axis = { axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { color: text } };
  const valueAxis = { type: "value", axisLabel: { color: text }, splitLine: { lineStyle: { color: line } } };
  const title = { top: 0, textStyle: { color: text, fontSize: 13, fontWeight: "normal" } };
  const bar = (name: string, column: string): object => ({
    type: "bar",
    name,
    xAxisIndex: 1,
    yAxisIndex: 1,
    data: ownTime(column),
    itemStyle: { color: bars[name] },
    label,
  });
  const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  chart.setOption({
    animation: false,
    title: [
      { ...title, left: 0, text: "CPU time added to a request of an agent, µs" },
      { ...title, left: "47%", text: "Own time of a sampled call, µs" },
    ],
    legend: { bottom: 0, left: "47%", data: ["a2a-otel", "SDK baseline"], textStyle: { color: text } },
    grid: [
      { left: 40, right: "57%", top: 40, bottom: 30 },
      { left: "50%", right: 10, top: 40, bottom: 50 },
    ],
    xAxis: [
      { type: "category", data: AGENTS, gridIndex: 0, ...axis },
      { type: "category", data: CLIENTS, gridIndex: 1, ...axis },
    ],
    yAxis: [
      { ...valueAxis, gridIndex: 0 },
      { ...valueAxis, gridIndex: 1 },
    ],
    series: [
      {
        type: "bar",
        data: added.map((value, i) => ({ value, itemStyle: { color: bars[AGENTS[i] as string] } })),
        label,
        barWidth: "55%",
      },
      bar("a2a-otel", "own time"),
      bar("SDK baseline", "SDK baseline"),
    ],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
