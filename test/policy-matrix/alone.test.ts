import { policyMatrix } from "./matrix.ts";
import { thePackage } from "./package-copy.ts";
import { oneLayer, twoLayers } from "./stackings.ts";

policyMatrix({
  name: "alone",
  stackings: [...oneLayer(thePackage), ...twoLayers(thePackage, thePackage)],
  triples: [
    ["policy", "route", "sdk"],
    ["stacking", "sdk", "sockets"],
  ],
});
