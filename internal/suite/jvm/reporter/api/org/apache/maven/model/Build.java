package org.apache.maven.model;

import java.util.List;

public class Build {
    public native String getDirectory();

    public native List<String> getFilters();
}
