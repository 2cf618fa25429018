package org.junit.platform.engine.reporting;

import java.util.Map;

public final class ReportEntry {
    public native Map<String, String> getKeyValuePairs();
}
