/** Where a module is found from here: vitest asks the cell for its packages in this way. */
export const resolve = (name) => import.meta.resolve(name);
