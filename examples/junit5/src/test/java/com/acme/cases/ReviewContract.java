package com.acme.cases;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What every review must do: the tests are inherited. */
@Tag("journey:case-submission")
abstract class ReviewContract {
    abstract String decision();

    @Test
    void approves() {
        assertTrue(decision().startsWith("appro"));
    }
}
