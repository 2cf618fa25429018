package com.acme.cases;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A smoke test of the intake team: tags of an annotation of our own. */
@Retention(RetentionPolicy.RUNTIME)
@Tag("smoke")
@Tag("owner:intake")
@Test
@interface Smoke {
}
