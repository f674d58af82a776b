-- What the relay asks about every identifier that it is about to publish is true of few: an index of these alone answers.
create index identifiers_doubtful on portrait.identifiers (identifier) where standing <> 0 or since > 0;

-- Whoever settles something takes the marks of all that hangs together with it.
create index unsettled_of_identifier on portrait.unsettled (identifier);
