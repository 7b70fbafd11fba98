export { AdmittedVehicles } from './admitted-vehicles.js';
export { parseGivenIds } from './given-ids.js';
export { type PresentVehicle, PresentVehicles } from './present-vehicle.js';
export { type CatalogVehicle, VehicleCatalog } from './vehicle-catalog.js';
