//! The pages over a small made-up database, asked through a socket as anyone would.

mod api;
mod browser;
mod fixture;
mod hostile;
mod pages;
mod slow;
mod twins;
