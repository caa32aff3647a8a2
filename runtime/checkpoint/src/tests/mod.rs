//! A job's folder as a whole: its life, its damage, its deaths.

mod damage;
mod deaths;
mod golden;
mod life;
mod overtaken;
mod planted;
mod sample;
mod savepoints;
mod zombies;
