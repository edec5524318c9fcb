import { policyMatrix } from "./matrix.ts";
import { thePackage } from "./package-copy.ts";
import { oneLayer, twoLayers } from "./stackings.ts";

policyMatrix({
  name: "alone",
  stackings: [...oneLayer(thePackage), ...twoLayers(thePackage, thePackage)],
  triple: ["policy", "route", "sdk"],
});
