import { describe, expect, it } from "vitest";
import { COLOURS } from "../../src/view/model/agents.ts";
import { DARK, LIGHT } from "../../src/view/page/theme.ts";
import type { Theme } from "../../src/view/page/theme.ts";

/** WCAG 2.2, "relative luminance". */
function luminance(colour: string): number {
  const channels = [1, 3, 5].map((from) => Number.parseInt(colour.slice(from, from + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = channels.map((value) =>
    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** A colour at a share over another, as `color-mix` with transparent paints it. */
function over(colour: string, below: string, share: number): string {
  const mixed = [1, 3, 5].map((from) => {
    const [top, bottom] = [colour, below].map((one) => Number.parseInt(one.slice(from, from + 2), 16)) as [number, number];
    return Math.round(top * share + bottom * (1 - share))
      .toString(16)
      .padStart(2, "0");
  });
  return `#${mixed.join("")}`;
}

it("contrast() follows WCAG", () => {
  expect(contrast("#ffffff", "#000000")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.478, 3);
});

describe.each<[string, Theme]>([
  ["light", LIGHT],
  ["dark", DARK],
])("the %s theme", (_, theme) => {
  const grounds = [theme.background, theme.surface, theme.hover, theme.selected];

  it("has readable text on every background (AA, 4.5 to 1)", () => {
    for (const ground of grounds) {
      for (const text of [theme.text, theme.muted, theme.accent, theme.error])
        expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(theme.error, theme.errorSurface)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(theme.warning, theme.warningSurface)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(theme.ok, theme.surface)).toBeGreaterThanOrEqual(4.5);
  });

  it("has visible edges of controls, focus ring and bars (AA, 3 to 1)", () => {
    expect(theme.agents).toHaveLength(COLOURS);
    for (const ground of grounds) {
      for (const colour of [theme.accent, ...theme.agents]) expect(contrast(colour, ground)).toBeGreaterThanOrEqual(3);
    }
    for (const ground of [theme.background, theme.surface, theme.hover])
      expect(contrast(theme.control, ground)).toBeGreaterThanOrEqual(3);
  });

  it("has bars whose filled parts differ from the pale ones", () => {
    for (const colour of theme.agents) expect(contrast(colour, over(colour, theme.surface, 0.26))).toBeGreaterThanOrEqual(2.5);
  });
});
