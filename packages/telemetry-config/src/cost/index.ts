export { type DayCount, type Forecast, forecastMonth, monthDays } from './forecast.js';
export { costWarning, type MonthCost, type MonthUsage, monthCost } from './month-cost.js';
export { dollarsOf, prices, type Usage, type UsageKind, usageKinds } from './prices.js';
export { type SignalRate, signalRate } from './rate.js';
