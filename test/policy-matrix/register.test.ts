import "../../src/register.ts";
import { policyMatrix } from "./matrix.ts";
import { thePackage } from "./package-copy.ts";
import { throughFetch, twoLayers } from "./stackings.ts";
import type { Stacking } from "./stackings.ts";

const { instrumentFetch } = thePackage;

const afterRegister: Stacking = {
  name: "instrumentFetch() after register",
  placements: ["outer"],
  spanPer: "request",
  retries: false,
  open: ({ outer }) => throughFetch(() => globalThis.fetch, instrumentFetch(outer)),
};

policyMatrix({ name: "after register", stackings: [afterRegister, ...twoLayers(thePackage, thePackage)] });
