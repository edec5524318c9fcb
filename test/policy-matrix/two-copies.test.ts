import { policyMatrix } from "./matrix.ts";
import { anotherCopy, thePackage } from "./package-copy.ts";
import { twoLayers } from "./stackings.ts";

policyMatrix({ name: "two copies of the package", stackings: twoLayers(thePackage, await anotherCopy()) });
