//! The rules themselves, held against random deviations, brute force and known optima.
mod cats;
mod combinatorial;
mod instances;
mod limits;
mod numbers;
mod single;
