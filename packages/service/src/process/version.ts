/** The version of all packages. A constant, because the bundles of the images have no package.json. */
export const VERSION = '0.2.0';
