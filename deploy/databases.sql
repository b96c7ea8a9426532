-- Run once in a new PostgreSQL: Prefect's tables stand apart from Podium's.
CREATE DATABASE podium OWNER podium ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE prefect OWNER podium ENCODING 'UTF8' TEMPLATE template0;
